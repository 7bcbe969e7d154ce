import NIOCore

/// Something that is to happen unless it is cancelled before. Used on its event loop alone.
final class Deadline {
    private let eventLoop: any EventLoop
    private var scheduled: Scheduled<Void>?

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// Sets it anew.
    func set(_ delay: TimeAmount, _ action: @escaping () -> Void) {
        cancel()
        scheduled = eventLoop.assumeIsolated().scheduleTask(in: delay, action)
    }

    func cancel() {
        scheduled?.cancel()
        scheduled = nil
    }
}
