import OCI

/// The hooks of all directories.
public struct HookSet: Sendable, Equatable {
    /// In the order in which they are called.
    private let definitions: [HookDefinition]

    public init() { definitions = [] }

    /// - Parameter directories: each one's hooks by file name. A later directory's file takes the place of an earlier one's of the
    ///   same name. The order of calling is that of the names, whatever their case.
    public init(_ directories: [[String: HookDefinition]]) {
        let all = directories.reduce(into: [:]) { $0.merge($1) { $1 } }
        definitions = all.sorted { ($0.key.lowercased(), $0.key) < ($1.key.lowercased(), $1.key) }.map(\.value)
    }

    /// The hooks of one container; nil for none.
    func hooks(for container: HookedContainer) -> Spec.Hooks? {
        var hooks = Spec.Hooks()
        for definition in definitions where definition.when.matches(container) {
            for stage in definition.stages { hooks[keyPath: stage.list, default: []].append(definition.hook) }
        }
        return hooks == Spec.Hooks() ? nil : hooks
    }
}

extension HookStage {
    /// `prestart` is deprecated for `createRuntime`, which comes at the same time: as with CRI-O, the one becomes the other.
    fileprivate var list: WritableKeyPath<Spec.Hooks, [Spec.Hook]?> {
        switch self {
        case .prestart, .createRuntime: \.createRuntime
        case .createContainer: \.createContainer
        case .startContainer: \.startContainer
        case .poststart: \.poststart
        case .poststop: \.poststop
        }
    }
}

extension Spec.Hooks {
    fileprivate subscript(keyPath path: WritableKeyPath<Spec.Hooks, [Spec.Hook]?>, default standard: [Spec.Hook]) -> [Spec.Hook] {
        get { self[keyPath: path] ?? standard }
        set { self[keyPath: path] = newValue }
    }
}
