/// The connections that there are, and which of them have asked for nothing yet. Knows no I/O.
struct ConnectionTable<Connection: Sendable>: Sendable {
    enum Admission: Sendable {
        case admitted
        /// In the place of this one, which has asked for nothing for the longest time and is to be closed.
        case instead(Connection)
        /// All are served.
        case refused
    }

    private var connections: [ObjectIdentifier: Connection] = [:]
    /// The times at which those came that have asked for nothing.
    private var idle: [ObjectIdentifier: UInt64] = [:]
    private var arrivals: UInt64 = 0

    var all: [Connection] { Array(connections.values) }
    var count: Int { connections.count }

    mutating func admit(_ connection: Connection, _ id: ObjectIdentifier, limit: Int) -> Admission {
        var admission = Admission.admitted
        if connections.count >= limit {
            guard let oldest = idle.min(by: { $0.value < $1.value })?.key, let closed = connections[oldest] else { return .refused }
            remove(oldest)
            admission = .instead(closed)
        }
        arrivals += 1
        connections[id] = connection
        idle[id] = arrivals
        return admission
    }

    /// The connection has asked for something, and is not closed any more to make room.
    mutating func serve(_ id: ObjectIdentifier) { idle[id] = nil }

    mutating func remove(_ id: ObjectIdentifier) {
        connections[id] = nil
        idle[id] = nil
    }
}
