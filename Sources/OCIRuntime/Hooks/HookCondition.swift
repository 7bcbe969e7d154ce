/// Which containers a hook is for, oci-hooks(5), `when`: all that is named must hold, and something must be named.
public struct HookCondition: Sendable, Equatable {
    /// An annotation matches where both its name and its value do.
    public struct Annotation: Sendable, Equatable {
        public var name: Pattern
        public var value: Pattern
    }

    public var always: Bool?
    /// For each of these the container has an annotation that matches.
    public var annotations: [Annotation] = []
    /// One of these matches the program that the container runs.
    public var commands: [Pattern] = []
    /// Only `true` says something: the request has mounts.
    public var hasBindMounts: Bool?

    public init() {}

    func matches(_ container: HookedContainer) -> Bool {
        var answers: [Bool] = []
        if let always { answers.append(always) }
        if let hasBindMounts { answers.append(hasBindMounts && container.hasMounts) }
        answers += annotations.map { wanted in
            container.annotations.contains { wanted.name.matches($0.key) && wanted.value.matches($0.value) }
        }
        if !commands.isEmpty { answers.append(commands.contains { $0.matches(container.program) }) }
        return !answers.isEmpty && answers.allSatisfy(\.self)
    }
}

/// What hooks are chosen by.
struct HookedContainer {
    /// The pod's and the container's.
    var annotations: [String: String] = [:]
    /// The first word of the container's command line.
    var program = ""
    /// Whether the request has mounts.
    var hasMounts = false
}
