import CRI
import Linux
import Networking
import OCIRuntime
import Synchronization
import Telemetry

extension Node {
    /// Makes a pod: its namespaces, files and network. CRI, RunPodSandbox.
    ///
    /// The same metadata joins what is under way, or gets the pod that came of it.
    /// - Parameter handler: the runtime handler's name; empty for the default one.
    /// - Returns: the pod's id.
    /// - Throws: `NodeError`.
    public func runPod(_ config: Runtime_V1_PodSandboxConfig, handler: String) async throws -> String {
        let runtime = try runtimes.handler(handler)
        try check(config, runtime)
        let key = PodKey(config.metadata)
        let tracker = phases.tracker("\(key)")
        return try await untilDeadline("RunPodSandbox of \(key)", tracker) {
            try await self.podsUnderWay.result(for: key) { [self] in
                // One that the daemon before this one was at.
                if let id = inventory.pod(of: key)?.id {
                    tracker.begin("recovery")
                    defer { tracker.end() }
                    try await recovered(id)
                }
                if let known = inventory.pod(of: key) {
                    guard known.phase == .ready else {
                        throw NodeError.alreadyExists(
                            "pod \(key) exists as \(known.id.prefix(13)) and is not ready: remove it or raise the attempt")
                    }
                    return known.id
                }
                return try await SettingsInForce.$ofThisWork.withValue(inForce) {
                    try await makePod(config, handler: runtime, requested: handler)
                }
            }
        }
    }

    private func makePod(_ config: Runtime_V1_PodSandboxConfig, handler: RuntimeHandler, requested: String) async throws -> String {
        let started = ContinuousClock.now
        let id = Identifier.random()
        let parent = try cgroups.podParent(config.linux.cgroupParent)
        let userNamespace = try await requestedUserNamespace(config, handler: handler.name)
        let labels: SELinuxLabels?
        do {
            try await checkConfinement(ofPod: config.linux.securityContext)
            labels = try podLabels(config)
        } catch {
            throw nodeError(error, "making pod \(PodKey(config.metadata))")
        }
        defer { release(labels) }
        var pod = PodRecord(
            id: id, config: config, runtimeHandler: handler.name, runtime: PodRuntime(handler), requestedHandler: requested,
            createdAt: Node.now(), phase: .creating, namespaces: .init(planned: userNamespace),
            hasNetwork: config.linux.securityContext.namespaceOptions.network == .pod,
            hostname: try hostname(of: config, id: id), cgroupParent: parent,
            ownsCgroup: false, labels: labels)
        let log = logger(pod: pod)
        var timeline = Timeline(name: "pod \(config.metadata.namespace)/\(config.metadata.name)")
        do {
            pod = try await putWithParents(pod)
            let ready = try await build(pod, &timeline)
            try await inventory.updatePod(id) {
                // Meanwhile another pod may have left it parents to remove.
                let owned = $0.ownedParents
                $0 = ready
                ($0.phase, $0.ownedParents) = (.ready, owned)
            }
            followInit(of: ready)
        } catch {
            log.error("pod failed", metadata: ["error": "\(error)"])
            await discard(id)
            throw nodeError(error, "making pod \(PodKey(config.metadata))")
        }
        timelines.record(timeline, for: id)
        log.info("pod ready", metadata: ["took": "\(ContinuousClock.now - started)"])
        return id
    }

    /// Whether the request can be fulfilled at all, as far as it can be told before anything is made.
    /// - Throws: `NodeError.invalidArgument`, `.failedPrecondition`.
    private func check(_ config: Runtime_V1_PodSandboxConfig, _ handler: RuntimeHandler) throws(NodeError) {
        try config.checkMetadata()
        let options = config.linux.securityContext.namespaceOptions
        try options.checkOfPod()
        try PodSysctls(options).check(config.linux.sysctls)
        try PodPorts.check(config.portMappings)
        _ = try PodFiles.resolverFile(config.dnsConfig)
        do { try PodLimits(config.linux).check(settings.host) } catch { throw NodeError(error) }
        _ = try PodFiles.sharedMemorySize(AllowedAnnotations(config.annotations, allowed: handler.allowedAnnotations))
    }

    /// The steps that have side effects. What they make is found again by the pod's id alone.
    private func build(_ pod: PodRecord, _ timeline: inout Timeline) async throws -> PodRecord {
        let tracker = phases.tracker("\(pod.key)")
        defer { tracker.end() }
        func phase(_ name: String) {
            tracker.begin(name)
            timeline.begin(name)
        }
        phase("namespaces queue")
        var pod = try await turns.run {
            timeline.end("namespaces queue")
            phase("namespaces")
            defer { timeline.end("namespaces") }
            return try await makeNamespaces(of: pod)
        }
        guard pod.hasNetwork else { return pod }
        phase("network queue")
        let begun = Mutex(ContinuousClock.now)
        pod.network = try await network.attach(networkRequest(for: pod)) {
            begun.withLock { $0 = .now }
            tracker.begin("network")
        }
        let turn = begun.withLock { $0 }
        timeline.end("network queue", at: turn)
        timeline.begin("network", at: turn)
        timeline.end("network")
        return pod
    }

    private func makeNamespaces(of pod: PodRecord) async throws -> PodRecord {
        let annotations = try allowedAnnotations(of: pod)
        try await BlockingPool.shared.run { [podFiles] in try podFiles.make(pod, annotations) }
        if pod.ownsCgroup { try await cgroups.makeParent(pod.cgroupParent) }
        if pod.limitsCgroup { try await cgroups.limit(pod.cgroupParent, PodLimits(pod.config.linux).cgroup(settings.host)) }
        var made = pod
        made.namespaces = try await pinner.pin(namespaceRequest(for: pod))
        guard let pid = made.namespaces.initPID else { return made }
        try await cgroups.placeInit(pid, ofPod: pod.id, parent: pod.cgroupParent)
        if let cpus = settings.configured.initCPUs { try await BlockingPool.shared.run { try cpus.bind(pid) } }
        return made
    }

    /// Writes a new pod's record, with the parents that are to be made for it. Not while another pod's are looked at to be removed.
    private func putWithParents(_ pod: PodRecord) async throws -> PodRecord {
        try await locks.withLock(Self.parentsLock) { [self] in
            var pod = pod
            let absent = try await BlockingPool.shared.run { [cgroups, pod] in cgroups.absent(pod.cgroupParent) }
            pod.ownedParents = absent
            // The one for pods that name none is the daemon's own, with cgroupfs.
            pod.ownsCgroup = absent.contains(pod.cgroupParent) || (pod.config.linux.cgroupParent.isEmpty && !usesSystemdCgroups)
            try await inventory.put(pod)
            return pod
        }
    }

    /// Undoes a pod that did not come to be, as far as it came; what fails is tried again until it succeeds.
    private func discard(_ id: String) async {
        guard let pod = try? inventory.pod(id) else { return }
        do {
            try await release(pod)
            try await forget(pod)
        } catch {
            logger(pod: pod).error("undoing the pod failed; it is tried again", metadata: ["error": "\(error)"])
            await undoLater(pod: id)
        }
    }

    private func hostname(of config: Runtime_V1_PodSandboxConfig, id: String) throws -> String {
        if !config.hostname.isEmpty { return config.hostname }
        let shared = config.linux.securityContext.namespaceOptions.network == .node
        return shared ? try Files.readText("/proc/sys/kernel/hostname").filter { $0 != "\n" } : String(id.prefix(12))
    }
}

extension Runtime_V1_PodSandboxConfig {
    /// - Throws: `NodeError.invalidArgument` naming what is missing.
    func checkMetadata() throws(NodeError) {
        guard hasMetadata else { throw .invalidArgument("the pod's configuration has no metadata") }
        guard !metadata.name.isEmpty else { throw .invalidArgument("the pod's metadata has no name") }
        guard !metadata.namespace.isEmpty else { throw .invalidArgument("the metadata of pod \(metadata.name) has no namespace") }
        // It is a line of a file, and the kernel takes anything.
        guard hostname.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 0x20 && $0.value < 0x7f && $0 != "/" }) else {
            throw .invalidArgument("the hostname \(hostname.debugDescription) has white space, a slash or other signs that no hostname has")
        }
        guard hostname.utf8.count <= 64 else {
            throw .invalidArgument("the hostname \(hostname) has \(hostname.utf8.count) bytes; the kernel takes 64 at the most")
        }
    }
}
