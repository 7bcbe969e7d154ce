import Cgroups
import Glibc
import Linux

// The cgroups of what belongs to a pod and is no container: its init, and the containers' monitors.
//
// With systemd each is a scope. At shutdown a pod's init is stopped after its containers, whose end it would be; and monitors ignore the
// signal, since they end with their containers. No scope is ordered against the daemon's own unit: while that is being started, stopped or
// started anew, systemd would let no scope begin, and the daemon would wait for what waits for it.
extension PodCgroups {
    // MARK: The init

    /// Files that take the init's number while it is made; none where it is put into its scope afterwards. Makes the cgroup. Blocks.
    /// - Throws: `SystemError`.
    func prepareInit(ofPod id: String, parent: String) throws -> [String] {
        let names = names(of: parent)
        guard names.driver == .cgroupfs else { return [] }
        let path = names.initPath(parent: parent, podID: id)
        try tree.make(path)
        return tree.procsFiles(of: path)
    }

    /// Puts the init into its scope, where that is systemd's to make.
    /// - Throws: `SystemdError`.
    func placeInit(_ pid: Int32, ofPod id: String, parent: String) async throws {
        guard let scope = initScope(ofPod: id, parent: parent) else { return }
        try await systemd.startScope(
            scope, slice: parent, processes: [pid], description: "Init of pod \(id.prefix(13)) \(mark)",
            properties: [UnitProperty("Delegate", .boolean(true))] + [stopping(within: ScopeTimes.initStop)])
    }

    /// The scope of a pod's init; nil where it is none of systemd's.
    func initScope(ofPod id: String, parent: String) -> String? {
        let names = names(of: parent)
        return names.scope(of: names.initPath(parent: parent, podID: id))
    }

    /// Removes the cgroup of an init that has ended; a scope has gone with it. Blocks.
    func removeInit(ofPod id: String, parent: String) {
        let names = names(of: parent)
        if names.driver == .cgroupfs { tree.remove(names.initPath(parent: parent, podID: id)) }
    }

    // MARK: The monitors

    /// Puts a container's monitor into a cgroup of its own. Where the kernel has no rule against processes beside cgroups, v1, the pod's own
    /// does as well.
    /// - Parameter stop: Seconds that the container may take to stop.
    /// - Throws: `SystemdError`, `SystemError`.
    func placeMonitor(_ pid: Int32, of container: String, parent: String, stop: UInt64) async throws {
        let names = names(of: parent)
        let path = names.monitorPath(parent: parent, containerID: container)
        if let scope = names.scope(of: path) {
            let properties = [UnitProperty("KillSignal", .signed(SIGPIPE)), stopping(within: stop + ScopeTimes.monitorMargin)]
            return try await systemd.startScope(
                scope, slice: parent, processes: [pid], description: "Monitor of container \(container.prefix(13)) \(mark)",
                properties: properties)
        }
        let chosen = tree.layout.version == .v2 ? path : parent
        try await BlockingPool.shared.run { [tree] in
            if !tree.exists(chosen) { try tree.make(chosen) }
            for file in tree.procsFiles(of: chosen) { try Files.write("\(pid)", to: file) }
        }
    }

    /// Removes the cgroup of a monitor, which ends a moment after its container; a scope goes with it.
    func removeMonitor(of container: String, parent: String) async throws {
        let names = names(of: parent)
        guard names.driver == .cgroupfs, tree.layout.version == .v2 else { return }
        let path = names.monitorPath(parent: parent, containerID: container)
        for _ in 0..<100 where tree.exists(path) {
            try await BlockingPool.shared.run { [tree] in tree.remove(path) }
            if tree.exists(path) { try await Task.sleep(for: .milliseconds(10)) }
        }
    }

    // MARK: Scopes that nobody owns

    /// Ends what is in scopes of this daemon's whose pod or container it does not know. Others may come meanwhile.
    /// - Parameter isKnown: Whether there is a pod or a container of that id, which is known before it has a scope.
    /// - Throws: `SystemdError`.
    func endUnownedScopes(isKnown: (String) -> Bool) async throws {
        guard driver == .systemd else { return }
        for unit in try await systemd.units(["\(CgroupNames.prefix)-*.scope"], within: .seconds(5)) where unit.description.hasSuffix(mark) {
            guard let id = unit.name.dropLast(".scope".count).split(separator: "-").last.map(String.init), !isKnown(id) else { continue }
            try await systemd.kill(unit.name)
        }
    }

    /// What the descriptions of the daemon's own scopes end in.
    private var mark: String { "of Swiftlet at \(owner)" }

    private func stopping(within seconds: UInt64) -> UnitProperty { UnitProperty("TimeoutStopUSec", .number(seconds * 1_000_000)) }
}

/// How long systemd waits for scopes to stop when the host is shut down, in seconds. Its own default is 90.
enum ScopeTimes {
    /// An init ends at the first signal.
    static let initStop: UInt64 = 5
    /// What a monitor may take beyond its container.
    static let monitorMargin: UInt64 = 5
    private static let standard: UInt64 = 10

    /// What a container may take: what the kubelet says of its pod, as with CRI-O.
    static func stop(annotations: [String: String]) -> UInt64 {
        guard let seconds = annotations["io.kubernetes.pod.terminationGracePeriod"].flatMap({ UInt64($0) }) else { return standard }
        return min(max(seconds, 1), 7 * 24 * 3600)
    }
}
