import Images
import Logging
import OCI
import Synchronization
import Telemetry

/// What is told of a pull: when each of its layers began and ended, and now and then how far all of it is.
struct PullTrace: Sendable {
    /// How far a pull is, as far as its layers are known.
    struct Summary: Sendable, Equatable {
        var layersDone: Int
        var layers: Int
        /// Compressed bytes.
        var received: Int64
        var size: Int64
    }

    /// How often a pull that lasts is told of.
    static let interval = Duration.seconds(5)

    private(set) var timeline: Timeline
    private var layers: [Int: PullProgress] = [:]
    private var lastTold: ContinuousClock.Instant

    init(image: String, at now: ContinuousClock.Instant = .now) {
        timeline = Timeline(name: "pull \(image)", origin: now)
        lastTold = now
    }

    /// Takes in how far a layer is.
    /// - Returns: how far the pull is, where it is time to tell.
    mutating func note(_ progress: PullProgress, at now: ContinuousClock.Instant = .now) -> Summary? {
        let name = "layer \(progress.index + 1)/\(progress.count) \(progress.layer.hex.prefix(12))"
        if layers[progress.index] == nil { timeline.begin(name, at: now) }
        layers[progress.index] = progress
        if progress.phase != .pulling { timeline.end(name, at: now) }
        guard now - lastTold >= Self.interval else { return nil }
        lastTold = now
        return Summary(
            layersDone: layers.values.count { $0.phase != .pulling }, layers: progress.count,
            received: layers.values.reduce(0) { $0 + $1.received }, size: layers.values.reduce(0) { $0 + $1.size })
    }
}

/// Follows one pull, whose layers report from any thread, and logs how far it is.
final class PullRecorder: Sendable {
    private let trace: Mutex<PullTrace>
    private let image: String
    private let logger: Logger

    init(image: String, logger: Logger) {
        trace = Mutex(PullTrace(image: image))
        self.image = image
        self.logger = logger
    }

    var timeline: Timeline { trace.withLock { $0.timeline } }

    func note(_ progress: PullProgress) {
        guard let summary = trace.withLock({ $0.note(progress) }) else { return }
        logger.info(
            "pulling",
            metadata: [
                "image": "\(image)", "layers": "\(summary.layersDone)/\(summary.layers)", "received_bytes": "\(summary.received)",
                "of_bytes": "\(summary.size)",
            ])
    }
}
