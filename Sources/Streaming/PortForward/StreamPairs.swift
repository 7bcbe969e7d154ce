import NIOCore

/// Puts together the two streams that one forwarded connection has. Knows no I/O.
/// Kubernetes: the portforward package of k8s.io/cri-streaming.
struct StreamPairs<Stream> {
    /// What a client says of a stream when it opens it.
    struct Announcement: Equatable {
        enum Role: String {
            case data
            case error
        }

        let role: Role
        let port: UInt16
        let requestID: String

        /// Nil for headers that lack something or make no sense.
        init?(_ headers: StreamHeaders, stream: UInt32) {
            guard let role = headers[StreamHeaders.streamType].flatMap(Role.init),
                let port = headers[StreamHeaders.port].flatMap(UInt16.init), port > 0
            else { return nil }
            self.role = role
            self.port = port
            // Clients of before 2015 sent no number: there, the data stream came directly after its error stream.
            let pair = role == .error ? Int(stream) : Int(stream) - 2
            requestID = headers[StreamHeaders.requestID].flatMap { $0.isEmpty ? nil : $0 } ?? "stream \(pair)"
        }
    }

    struct Pair {
        let port: UInt16
        let data: Stream
        let error: Stream
    }

    enum Outcome {
        case incomplete
        case complete(Pair)
        /// The pair has such a stream already, or its other stream is for another port.
        case refused
    }

    struct Waiting {
        let announcement: Announcement
        let stream: Stream
        /// By when the other has to be there.
        let deadline: NIODeadline
    }

    private var waiting: [String: Waiting] = [:]

    /// Streams that wait for the other of their pair.
    var count: Int { waiting.count }

    mutating func add(_ stream: Stream, _ announcement: Announcement, deadline: NIODeadline) -> Outcome {
        guard let other = waiting[announcement.requestID] else {
            waiting[announcement.requestID] = Waiting(announcement: announcement, stream: stream, deadline: deadline)
            return .incomplete
        }
        guard other.announcement.role != announcement.role, other.announcement.port == announcement.port else { return .refused }
        waiting[announcement.requestID] = nil
        let (data, error) = announcement.role == .data ? (stream, other.stream) : (other.stream, stream)
        return .complete(Pair(port: announcement.port, data: data, error: error))
    }

    /// Takes out those whose other did not come in time.
    mutating func expire(at now: NIODeadline) -> [Waiting] {
        let late = waiting.filter { $0.value.deadline <= now }
        for requestID in late.keys { waiting[requestID] = nil }
        return Array(late.values)
    }

    /// Forgets streams that the client gave up.
    mutating func remove(where matches: (Stream) -> Bool) {
        waiting = waiting.filter { !matches($0.value.stream) }
    }
}
