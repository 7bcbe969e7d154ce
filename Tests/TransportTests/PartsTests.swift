import GRPCCore
import NIOCore
import NIOHPACK
import Testing

@testable import Transport

@Suite("Messages, heads and statuses") struct PartsTests {
    @Test("Messages are found however their bytes are cut", arguments: [1, 2, 5, 7, 1000])
    func messages(size: Int) throws {
        var all = ByteBuffer()
        for text in ["", "a", "hello"] { all.writeImmutableBuffer(RawConnection.message(text)) }
        var decoder = MessageDecoder(limit: 5)
        var found: [String] = []
        while let piece = all.readSlice(length: min(size, all.readableBytes)), piece.readableBytes > 0 {
            decoder.append(piece)
            while let message = try decoder.next() { found.append(String(buffer: message)) }
        }
        #expect(found == ["", "a", "hello"])
        #expect(!decoder.isWithinMessage)
    }

    @Test("A message over the limit and a compressed one are refused by their first bytes")
    func refusedMessages() {
        func code(_ bytes: [UInt8]) -> RPCError.Code? {
            var decoder = MessageDecoder(limit: 5)
            decoder.append(ByteBuffer(bytes: bytes))
            do throws(RPCError) { _ = try decoder.next() } catch { return error.code }
            return nil
        }
        #expect(code([0, 0, 0, 0, 6]) == .resourceExhausted)
        #expect(code([0, 0xff, 0xff, 0xff, 0xff]) == .resourceExhausted)
        #expect(code([1, 0, 0, 0, 0]) == .unimplemented)
        #expect(code([0, 0, 0, 0]) == nil)
    }

    private func head(_ change: (inout HPACKHeaders) -> Void = { _ in }) -> Result<RequestHead, RequestHead.Refusal> {
        var headers: HPACKHeaders = [":method": "POST", ":path": "/a.B/c", "content-type": "application/grpc", "grpc-timeout": "5S"]
        change(&headers)
        return Result { () throws(RequestHead.Refusal) in try RequestHead(headers, known: [:]) }
    }

    @Test("A call's head has its method and metadata")
    func heads() throws {
        let plain = try head().get()
        #expect(plain.method.fullyQualifiedMethod == "a.B/c")
        #expect(Array(plain.metadata[stringValues: "grpc-timeout"]) == ["5S"])
        #expect(plain.metadata.allSatisfy { !$0.key.hasPrefix(":") })
        for type in ["application/grpc+proto", "application/grpc;charset=utf-8"] {
            #expect((try? head { $0.replaceOrAdd(name: "content-type", value: type) }.get()) != nil)
        }
        #expect((try? head { $0.add(name: "grpc-encoding", value: "identity") }.get()) != nil)
    }

    @Test("What is no call has its refusal")
    func refusals() {
        func refusal(_ change: (inout HPACKHeaders) -> Void) -> RequestHead.Refusal? {
            if case .failure(let refusal) = head(change) { refusal } else { nil }
        }
        #expect(refusal { $0.remove(name: "content-type") }?.httpStatus == "415")
        #expect(refusal { $0.replaceOrAdd(name: "content-type", value: "application/grpcx") }?.httpStatus == "415")
        #expect(refusal { $0.replaceOrAdd(name: ":method", value: "GET") }?.httpStatus == "405")
        for path in ["", "/", "a/b", "/a", "/a/", "//b", "/a/b/c"] {
            #expect(refusal { $0.replaceOrAdd(name: ":path", value: path) }?.status?.code == .unimplemented, "\(path)")
        }
        #expect(refusal { $0.add(name: "grpc-encoding", value: "gzip") }?.status?.code == .unimplemented)
    }

    @Test("A status message is cut at a character's end, and encoded")
    func statusMessages() {
        #expect(StatusMessage.cut("short", to: 10) == "short")
        #expect(StatusMessage.cut("0123456789", to: 10) == "0123456789")
        #expect(StatusMessage.cut("0123456789a", to: 10) == "0123456…")
        #expect(StatusMessage.cut("ééééééé", to: 10) == "ééé…")
        #expect(StatusMessage.cut("\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}x", to: 10) == "…")
        #expect(StatusMessage.encode("a b~%é\n", limit: 100) == "a b~%25%C3%A9%0A")
        for character in ["é", "\u{1F600}", "a", "\u{0}"] {
            let encoded = StatusMessage.encode(String(repeating: character, count: 9000), limit: 1024)
            #expect(encoded.utf8.count <= 3 * 1024 && encoded.utf8.allSatisfy { (0x20...0x7e).contains($0) })
        }
    }

    @Test("An answer's headers and trailers", arguments: [true, false])
    func answers(isAlone: Bool) {
        let status = Status(code: .notFound, message: "no pod")
        let headers = isAlone ? ResponseHeaders.trailersOnly(status, [:], limit: 100) : ResponseHeaders.trailers(status, [:], limit: 100)
        #expect(headers.first(name: "grpc-status") == "5" && headers.first(name: "grpc-message") == "no pod")
        #expect(headers.contains(name: ":status") == isAlone)
        #expect(ResponseHeaders.trailers(Status(code: .ok, message: ""), [:], limit: 1).first(name: "grpc-message") == nil)
    }
}
