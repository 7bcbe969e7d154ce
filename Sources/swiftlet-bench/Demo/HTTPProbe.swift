import Dispatch
import Glibc

/// A host's own way to a pod: one HTTP request over a plain TCP connection.
struct HTTPProbe: Sendable {
    let address: String
    let port: UInt16

    /// Asks for `path` until there is an answer or `patience` ends: a server needs a moment to listen.
    /// - Returns: the first line of the answer's body.
    /// - Throws: `ProbeError`.
    func get(_ path: String, patience: Duration) async throws -> String {
        let deadline = ContinuousClock.now + patience
        while true {
            do {
                return try await onThread { try request(path) }
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    /// connect(2) and read(2) wait, so they get a thread that may.
    private func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try body() }) }
        }
    }

    private func request(_ path: String) throws(ProbeError) -> String {
        let descriptor = try connect()
        defer { close(descriptor) }
        let text = Array("GET \(path) HTTP/1.0\r\nHost: \(address)\r\n\r\n".utf8)
        guard send(descriptor, text, text.count, Int32(MSG_NOSIGNAL)) == text.count else { throw failure("send to") }
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while answer.count < 1 << 20 {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count >= 0 else { throw failure("read from") }
            guard count > 0 else { break }
            answer += chunk[..<count]
        }
        let lines = String(decoding: answer, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
        guard lines.first?.contains(" 200 ") == true, let end = lines.firstIndex(of: ""), end + 1 < lines.count else {
            throw ProbeError(message: "http://\(address):\(port)\(path) answered \(lines.first ?? "nothing")")
        }
        return String(lines[end + 1]).trimmed
    }

    private func connect() throws(ProbeError) -> CInt {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_NUMERICHOST
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(address, "\(port)", &hints, &found) == 0, let entry = found else {
            throw ProbeError(message: "the pod's address is not one: \(address.isEmpty ? "none" : address)")
        }
        defer { freeaddrinfo(found) }
        let descriptor = socket(entry.pointee.ai_family, entry.pointee.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw failure("make a socket for") }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Glibc.connect(descriptor, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 else {
            let error = failure("connect to")
            close(descriptor)
            throw error
        }
        return descriptor
    }

    private func failure(_ what: String) -> ProbeError {
        ProbeError(message: "\(what) \(address):\(port): \(String(cString: strerror(errno)))")
    }
}

/// A pod that could not be reached.
struct ProbeError: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}
