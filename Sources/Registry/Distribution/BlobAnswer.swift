import AsyncHTTPClient
import NIOCore
import OCI

/// A registry's answer to a request for a blob's bytes from an offset, checked against what the manifest declares.
struct BlobAnswer: Sendable {
    let body: HTTPClientResponse.Body
    let server: String
    /// Bytes at the beginning that were not asked for: the server ignores ranges and sends all.
    let surplus: Int64

    init(_ answer: HTTPAnswer, size: Int64, digest: Digest, offset: Int64) throws {
        (body, server) = (answer.body, answer.server)
        surplus = try Self.surplus(
            status: answer.status, contentRange: answer.headers.first(name: "Content-Range"), contentLength: answer.contentLength,
            size: size, digest: digest, offset: offset, server: answer.server)
    }

    /// - Throws: ``RegistryError`` if the answer cannot be the rest of this blob.
    static func surplus(
        status: Int, contentRange: String?, contentLength: Int64?, size: Int64, digest: Digest, offset: Int64, server: String
    ) throws -> Int64 {
        var start: Int64 = 0
        if status == 206 {
            guard let range = contentRange.flatMap({ ContentRange($0) }), range.first == offset, range.total ?? size == size else {
                throw RegistryError.unexpectedAnswer(
                    registry: server, problem: "another range of \(digest) than asked for (\(contentRange ?? "none"))")
            }
            start = range.first
        }
        if let contentLength, contentLength != size - start {
            if contentLength > size - start { throw RegistryError.blobTooLong(digest, registry: server, size: size) }
            // A shorter range is lawful, the next request goes on from there; a shorter whole is another blob.
            if status != 206 {
                throw RegistryError.unexpectedAnswer(
                    registry: server, problem: "blob \(digest) has \(contentLength) bytes there, its manifest declares \(size)")
            }
        }
        return offset - start
    }
}

/// The value of a Content-Range header, RFC 9110 section 14.4: `bytes first-last/total`, total possibly `*`.
struct ContentRange: Equatable {
    let first: Int64
    let last: Int64
    let total: Int64?

    init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let halves = words[1].split(separator: "/", omittingEmptySubsequences: false)
        let bounds = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard halves.count == 2, bounds.count == 2, let first = Int64(bounds[0]), let last = Int64(bounds[1]), first >= 0, last >= first
        else {
            return nil
        }
        (self.first, self.last) = (first, last)
        total = halves[1] == "*" ? nil : Int64(halves[1])
        guard total != nil || halves[1] == "*", total ?? .max > last else { return nil }
    }
}
