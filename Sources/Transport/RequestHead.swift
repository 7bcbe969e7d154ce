import GRPCCore
import NIOHPACK

/// A call's method and metadata, out of the first headers of a stream. gRPC over HTTP/2, "Requests". Knows no I/O.
struct RequestHead: Equatable {
    let method: MethodDescriptor
    let metadata: Metadata

    /// Why a stream is no call: an HTTP status, and gRPC's own where the client speaks gRPC.
    struct Refusal: Error, Equatable {
        let httpStatus: String
        var status: Status?
    }

    /// - Parameter known: the server's methods by their paths.
    init(_ headers: HPACKHeaders, known: [String: MethodDescriptor]) throws(Refusal) {
        guard headers.first(name: "content-type").map(Self.isGRPC) ?? false else { throw Refusal(httpStatus: "415") }
        guard headers.first(name: ":method") == "POST" else { throw Refusal(httpStatus: "405") }
        let path = headers.first(name: ":path") ?? ""
        guard let method = known[path] ?? MethodDescriptor(path: path) else {
            throw Refusal(httpStatus: "200", status: Status(code: .unimplemented, message: "no method has the path \(path)"))
        }
        if let encoding = headers.first(name: "grpc-encoding"), encoding != "identity" {
            let text = "messages in the encoding \(encoding) are not taken: send them without compression"
            throw Refusal(httpStatus: "200", status: Status(code: .unimplemented, message: text))
        }
        self.method = method
        var metadata = Metadata()
        for (name, value, _) in headers where !name.hasPrefix(":") { metadata.addString(value, forKey: name) }
        self.metadata = metadata
    }

    private static func isGRPC(_ type: String) -> Bool {
        type == "application/grpc" || type.hasPrefix("application/grpc+") || type.hasPrefix("application/grpc;")
    }
}

extension MethodDescriptor {
    /// - Parameter path: `/service/method`
    init?(path: String) {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].isEmpty, !parts[1].isEmpty, !parts[2].isEmpty else { return nil }
        self.init(fullyQualifiedService: String(parts[1]), method: String(parts[2]))
    }
}
