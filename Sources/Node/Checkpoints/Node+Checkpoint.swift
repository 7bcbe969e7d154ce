import CRI
import Foundation
import Images
import Linux
import OCI
import OCIRuntime
import Telemetry

extension Node {
    /// The longest that a checkpoint takes whose caller gives no time.
    private static let checkpointTime: Duration = .seconds(600)

    /// Writes a running container's state into an archive; the container goes on. CRI, CheckpointContainer.
    /// - Parameters:
    ///   - location: the archive's path.
    ///   - timeout: nil for a time that is long enough.
    /// - Throws: `NodeError`; `.unimplemented` and `.failedPrecondition` where the host does not do it.
    public func checkpointContainer(_ id: String, location: String, timeout: Duration?) async throws {
        let container = try runningContainer(id)
        try await requireCheckpoints()
        try await checkLocation(location)
        let tracker = phases.tracker("checkpoint of \(container.key)")
        try await untilDeadline("CheckpointContainer of \(container.key)", tracker) { [self] in
            try await detached { [self] in
                try await locks.withLock(container.id) { [self] in
                    defer { tracker.end() }
                    try await takeCheckpoint(container.id, location, WorkLimit(.now + (timeout ?? Self.checkpointTime)), tracker)
                }
            }
        }
    }

    /// - Throws: `NodeError` saying why there are no checkpoints on this host.
    func requireCheckpoints() async throws(NodeError) {
        let support = await checkpointSupport.value
        guard let problem = support.problem else { return }
        if case .broken = support { throw .failedPrecondition(problem) }
        throw .unimplemented(problem)
    }

    private func checkLocation(_ location: String) async throws {
        guard location.hasPrefix("/"), !location.hasSuffix("/") else {
            throw NodeError.invalidArgument("the checkpoint's location '\(location)' is no absolute path of a file")
        }
        let directory = location[..<(location.lastIndex(of: "/") ?? location.startIndex)]
        let exists = try await BlockingPool.shared.run { Files.exists("\(directory)/.") && !Files.isDirectory(location) }
        guard exists else {
            throw NodeError.invalidArgument("the checkpoint's location \(location) is in no directory that exists, or is one itself")
        }
    }

    private func takeCheckpoint(_ id: String, _ location: String, _ limit: WorkLimit, _ tracker: PhaseTracker) async throws {
        let container = try runningContainer(id)
        let started = ContinuousClock.now
        let temporary = CheckpointFiles.temporary(location, id)
        do {
            try await BlockingPool.shared.run { [checkpointFiles] in try checkpointFiles.begin(id, temporary: temporary) }
            try await checkpointsUnderWay.run(id) { [self] in try await gather(container, limit, tracker) }
            tracker.begin("archive")
            try await checkpoints.write(checkpointFiles.taken(id), to: location, by: temporary, limit: limit)
            try await BlockingPool.shared.run { [checkpointFiles] in try checkpointFiles.end(id) }
        } catch {
            try? await BlockingPool.shared.run { [checkpointFiles] in try checkpointFiles.end(id) }
            throw checkpointError(error, container)
        }
        logger(container: container).info(
            "container checkpointed", metadata: ["location": "\(location)", "took": "\(ContinuousClock.now - started)"])
    }

    /// Collects the archive's parts. While the container changes none of them: it is paused, as its files are to be those
    /// that its processes believe in, and goes on whatever becomes of this.
    private func gather(_ container: ContainerRecord, _ limit: WorkLimit, _ tracker: PhaseTracker) async throws {
        let runtime = try runtimes.runtime(of: pod(of: container))
        let outcome: Result<Void, any Error>
        do {
            tracker.begin("pause")
            try await runtime.pause(container.id)
            try await withTaskCancellationHandler {
                try await gatherPaused(container, runtime, limit, tracker)
            } onCancel: {
                limit.stop()
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        tracker.begin("resume")
        // Not of this task, which may be cancelled.
        try await detached { [self] in try await resumeIfPaused(container.id, runtime) }
        try outcome.get()
    }

    private func gatherPaused(_ container: ContainerRecord, _ runtime: OCIRuntime, _ limit: WorkLimit, _ tracker: PhaseTracker) async throws {
        let parts = checkpointFiles.taken(container.id)
        let mounts = try await writeDocuments(of: container, into: parts)
        tracker.begin("criu")
        try await runtime.checkpoint(
            container.id, images: "\(parts)/\(CheckpointPart.images)", work: parts, timeout: limit.rest)
        tracker.begin("files")
        try await checkpoints.gatherChanges(of: container.id, into: parts, except: mounts, limit: limit)
        let log = container.logPath
        guard !log.isEmpty else { return }
        try await BlockingPool.shared.run {
            guard Files.exists(log) else { return }
            try LogCopy.copy(log, to: "\(parts)/\(CheckpointPart.log.rawValue)")
        }
    }

    /// Writes the parts that say what the container is.
    /// - Returns: where the container has mounts.
    private func writeDocuments(of container: ContainerRecord, into parts: String) async throws -> [String] {
        let pod = try pod(of: container)
        let path = "\(containerFiles.bundle(container.id))/config.json"
        let description = CheckpointDescription(
            container: container, pod: pod, handler: try runtimes.handler(pod.runtimeHandler).name,
            imageName: try await image(container.imageID)?.repoTags.first ?? container.imageReference, now: Node.now())
        return try await BlockingPool.shared.run {
            var spec = try JSONDecoder().decode(Spec.self, from: Data(try Files.readBytes(path)))
            spec.annotations = (spec.annotations ?? [:]).merging(try description.annotations()) { $1 }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.withoutEscapingSlashes, .prettyPrinted]
            func write(_ value: some Encodable, _ part: CheckpointPart) throws {
                try BundleFile.write([UInt8](try encoder.encode(value)), to: "\(parts)/\(part.rawValue)")
            }
            try write(description.configuration, .configuration)
            try write(spec, .specification)
            let external = ExternalMounts.describe(spec.mounts ?? [])
            if !external.isEmpty { try write(external, .externalMounts) }
            return ExternalMounts.destinations(spec.mounts ?? [])
        }
    }

    private func checkpointError(_ error: any Error, _ container: ContainerRecord) -> NodeError {
        let doing = "checkpointing container \(container.key)"
        switch error {
        case is CancellationError: return .failedPrecondition("\(doing): it was stopped meanwhile")
        case CheckpointError.outOfTime where (try? runningContainer(container.id)) == nil:
            return .failedPrecondition("\(doing): it was stopped meanwhile")
        default: return nodeError(error, doing)
        }
    }
}
