import NIOCore

/// The streams of one connection: who waits to send, and whether the connection may be read. Used on its event loop alone.
final class StreamMultiplexer {
    let eventLoop: any EventLoop
    let limits: StreamLimits
    private(set) weak var carrier: (any StreamCarrier)?
    private var endpoints: [UInt32: StreamEndpoint] = [:]
    /// Streams with bytes to send, in the order of their turns.
    private var turns = CircularBuffer<UInt32>()
    private var buffered = 0
    private var fullStreams = 0
    private var unreadAnswers = 0
    private var isReading = true
    private var isServing = false

    init(eventLoop: any EventLoop, carrier: any StreamCarrier, limits: StreamLimits = StreamLimits()) {
        self.eventLoop = eventLoop
        self.carrier = carrier
        self.limits = limits
    }

    subscript(id: UInt32) -> StreamEndpoint? { endpoints[id] }

    func add(_ id: UInt32) -> StreamEndpoint {
        let endpoint = StreamEndpoint(id: id, multiplexer: self)
        endpoints[id] = endpoint
        return endpoint
    }

    func remove(_ endpoint: StreamEndpoint) {
        endpoints[endpoint.id] = nil
    }

    /// Fails every stream: the connection is gone.
    func failAll(_ error: any Error) {
        let all = endpoints.values
        endpoints = [:]
        turns = []
        carrier = nil
        for endpoint in all { endpoint.fail(error) }
    }
}

/// Sending.
extension StreamMultiplexer {
    /// The stream has bytes to send.
    func wantsTurn(_ endpoint: StreamEndpoint) {
        queue(endpoint)
        serve()
    }

    private func queue(_ endpoint: StreamEndpoint) {
        guard !endpoint.hasTurn else { return }
        endpoint.hasTurn = true
        turns.append(endpoint.id)
    }

    /// Gives streams their turns while the connection takes bytes.
    func serve() {
        guard !isServing, let carrier else { return }
        isServing = true
        defer { isServing = false }
        var blocked: [StreamEndpoint] = []
        var sent = false
        while carrier.canSend, let id = turns.popFirst() {
            guard let endpoint = endpoints[id] else { continue }
            endpoint.hasTurn = false
            guard endpoint.wantsToSend else { continue }
            let window = min(carrier.window(of: id), limits.chunk)
            guard window > 0 else {
                blocked.append(endpoint)
                continue
            }
            endpoint.sendOne(atMost: window, by: carrier)
            sent = true
            if endpoint.wantsToSend { queue(endpoint) }
        }
        for endpoint in blocked { queue(endpoint) }
        if sent { carrier.flush() }
    }
}

/// Whether to read.
extension StreamMultiplexer {
    func changeBuffered(by count: Int) {
        buffered += count
    }

    func changeFullStreams(by count: Int) {
        fullStreams += count
        updateReading()
    }

    /// An answer of so many bytes was sent without anything having asked for room.
    func answered(_ count: Int) {
        guard let carrier, !carrier.canSend else { return }
        unreadAnswers += count
        updateReading()
    }

    /// The peer has taken what was waiting.
    func becameWritable() {
        unreadAnswers = 0
        serve()
        updateReading()
    }

    func updateReading() {
        // Half of each bound must be free again before reading goes on, lest it flap.
        let mayRead =
            fullStreams == 0 && unreadAnswers <= limits.unreadAnswers
            && buffered <= (isReading ? limits.bufferedInAll : limits.bufferedInAll / 2)
        guard mayRead != isReading else { return }
        isReading = mayRead
        carrier?.setReading(mayRead)
    }
}
