import Linux
import OCIRuntime

extension Node {
    /// Ends the checkpoint of a container that was being taken when the daemon stopped: it goes on, and nothing of the checkpoint is left.
    func recoverCheckpoint(_ id: String) async {
        do { try await endCheckpoint(of: id) } catch {
            logger.error("giving the checkpoint of \(id) up failed; it is tried again", metadata: ["error": "\(error)"])
            undoRepeatedly("the checkpoint of \(id.prefix(13))") { [self] in
                try await locks.withLock(id) { [self] in try await endCheckpoint(of: id) }
            }
        }
    }

    private func endCheckpoint(of id: String) async throws {
        // Before the resume: CRIU pauses a container anew at its end if it found it so.
        try await checkpointFiles.endTakers(id)
        if let container = try? inventory.container(id), container.mayRun {
            try await resumeIfPaused(id, try runtimes.runtime(of: pod(of: container)))
        }
        try await BlockingPool.shared.run { [checkpointFiles] in try checkpointFiles.end(id) }
        logger.notice("a checkpoint that was being taken is given up", metadata: ["container": "\(id)"])
    }

    /// One that cannot be asked is resumed without: it does no harm to a container that nobody paused, and one that stays paused does nothing.
    func resumeIfPaused(_ id: String, _ runtime: OCIRuntime) async throws {
        var isPaused = true
        do { isPaused = try await runtime.isPaused(id) } catch {
            logger.warning("whether the container is paused is not known", metadata: ["container": "\(id)", "error": "\(error)"])
        }
        if isPaused { try await runtime.resume(id) }
    }

    /// The containers that a checkpoint is unpacked or mounted for.
    func restoredCheckpoints() async -> [String] {
        let restored = (try? await BlockingPool.shared.run { [checkpointFiles] in try Files.list(checkpointFiles.allRestored) }) ?? []
        let mounted = rootFileSystems.mountedImages().filter { $0.hasPrefix(containerFiles.root + "/") && $0.hasSuffix("/checkpoint") }
        return Set(restored + mounted.compactMap { $0.split(separator: "/").dropLast().last.map(String.init) }).sorted()
    }

    /// Looks what became of a restore that was under way when the daemon stopped. The monitor goes on without the daemon, and
    /// has an end of its own; then the container runs or does not.
    func recoverRestore(of container: ContainerRecord) async throws {
        let bundle = containerFiles.bundle(container.id)
        for _ in 0..<200 {
            let isUnderWay = try await BlockingPool.shared.run {
                let files = MonitorFiles(bundle: bundle)
                guard !Files.exists(files.pidFile), let text = try? Files.readText(files.monitorPidFile),
                    let pid = Int32(text.filter { !$0.isWhitespace }), let command = try? Files.readText("/proc/\(pid)/cmdline")
                else { return false }
                return command.contains(container.id)
            }
            guard isUnderWay else { break }
            try await Task.sleep(for: .milliseconds(50))
        }
        guard try await observe(container) else {
            let pid = try await BlockingPool.shared.run { Int32(try Files.readText(MonitorFiles(bundle: bundle).pidFile)) }
            try await inventory.updateContainer(container.id) {
                $0.pid = $0.pid ?? pid
                $0.processStart = $0.processStart ?? pid.flatMap { ProcessStatus.read($0)?.startTime }
                $0.boot = $0.boot ?? ContainerProcess.currentBoot
            }
            let known = try inventory.container(container.id)
            cgroups.watch(known)
            return follow(known)
        }
        try await endLeftovers(of: container.id)
        try await releaseProcess(container)
    }
}
