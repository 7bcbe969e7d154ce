import CRI
import GRPCCore
import GRPCNIOTransportHTTP2Posix

/// The two services behind one CRI socket.
struct Connection: Sendable {
    typealias Transport = HTTP2ClientTransport.Posix

    let runtime: Runtime_V1_RuntimeService.Client<Transport>
    let images: Runtime_V1_ImageService.Client<Transport>

    /// Calls `body` with a connection to the Unix socket at the path `socket`, closed afterwards.
    static func open<R: Sendable>(_ socket: String, _ body: (Connection) async throws -> R) async throws -> R {
        let transport = try Transport(target: .unixDomainSocket(path: socket), transportSecurity: .plaintext)
        return try await withGRPCClient(transport: transport) { client in
            let connection = Connection(runtime: .init(wrapping: client), images: .init(wrapping: client))
            // The first call of a connection pays for its opening; no figure should.
            _ = try await connection.runtime.version(.init())
            return try await body(connection)
        }
    }

    /// Calls `body` with a connection to each of the sockets.
    static func openAll<R: Sendable>(
        _ sockets: [String], connected: [Connection] = [], _ body: ([Connection]) async throws -> R
    ) async throws -> R {
        guard let socket = sockets.first else { return try await body(connected) }
        return try await open(socket) { try await openAll(Array(sockets.dropFirst()), connected: connected + [$0], body) }
    }
}
