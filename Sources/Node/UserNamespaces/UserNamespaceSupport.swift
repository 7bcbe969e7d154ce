import OCIRuntime

/// What the host and its runtimes offer pods with user namespaces. Asked once, at start.
struct UserNamespaceSupport: Sendable {
    /// Why the host cannot; nil where it can.
    let hostRefusal: String?
    /// What the runtimes of the handlers say, as far as they say anything.
    let features: [String: RuntimeFeatures]

    static func probe(_ settings: NodeSettings, _ runtimes: RuntimeHandlers) async -> UserNamespaceSupport {
        let probe = UserNamespaceProbe(root: settings.root, runRoot: settings.runRoot, pinnerPath: settings.pinnerPath)
        async let refusal = probe.refusal()
        async let features = runtimes.allFeatures()
        return await UserNamespaceSupport(hostRefusal: refusal, features: features)
    }

    /// Why a pod of that handler cannot have a user namespace; nil where it can.
    func refusal(handler: String) -> String? {
        if let hostRefusal { return hostRefusal }
        guard let namespaces = features[handler]?.linux?.namespaces, !namespaces.contains("user") else { return nil }
        return "the runtime of the handler '\(handler)' has no user namespaces: choose another"
    }

    /// Whether the handler's runtime shifts the owners of mounts itself.
    func runtimeShiftsMounts(handler: String) -> Bool { features[handler]?.idmappedMounts ?? false }
}
