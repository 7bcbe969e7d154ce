import CDI
import OCI

extension ContainerEdits {
    /// Brings the edits into a specification: all but the device nodes and the groups, which the request has already.
    /// CDI specification 1.1.0, "Container Edits"; a variable or mount of the same name takes the place of an earlier one.
    func apply(to spec: inout Spec) {
        for variable in environment { spec.process?.set(variable) }
        for mount in mounts { spec.mount(mount) }
        if !hooks.isEmpty {
            var all = spec.hooks ?? Spec.Hooks()
            for hook in hooks { all.append(hook) }
            spec.hooks = all
        }
        if let intelRdt {
            var rdt = Spec.IntelRdt(closID: intelRdt.closID)
            rdt.l3CacheSchema = intelRdt.l3CacheSchema
            rdt.memBwSchema = intelRdt.memBwSchema
            spec.linux?.intelRdt = rdt
        }
    }
}

extension Spec.Process {
    fileprivate mutating func set(_ variable: String) {
        let name = variable.prefix { $0 != "=" } + "="
        var variables = env ?? []
        if let index = variables.firstIndex(where: { $0.hasPrefix(name) }) { variables[index] = variable } else { variables.append(variable) }
        env = variables
    }
}

extension Spec {
    /// Adds a mount after those above it and before those below.
    fileprivate mutating func mount(_ edit: ContainerEdits.Mount) {
        let target = MountsBuilder.clean(edit.containerPath)
        var list = (mounts ?? []).filter { $0.destination != target }
        let place = list.firstIndex { $0.destination.hasPrefix(target == "/" ? "/" : target + "/") } ?? list.endIndex
        list.insert(
            .init(destination: target, type: edit.type, source: edit.hostPath, options: edit.options.isEmpty ? nil : edit.options), at: place)
        mounts = list
    }
}

extension Spec.Hooks {
    fileprivate mutating func append(_ edit: ContainerEdits.Hook) {
        let hook = Spec.Hook(
            path: edit.path, args: edit.arguments.isEmpty ? nil : edit.arguments, env: edit.environment.isEmpty ? nil : edit.environment,
            timeout: edit.timeout)
        let stage: WritableKeyPath<Spec.Hooks, [Spec.Hook]?> =
            switch edit.stage {
            case .prestart: \.prestart
            case .createRuntime: \.createRuntime
            case .createContainer: \.createContainer
            case .startContainer: \.startContainer
            case .poststart: \.poststart
            case .poststop: \.poststop
            }
        self[keyPath: stage] = (self[keyPath: stage] ?? []) + [hook]
    }
}
