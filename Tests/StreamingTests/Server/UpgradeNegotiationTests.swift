import NIOHTTP1
import Testing

@testable import Streaming

@Suite("Negotiation") struct UpgradeNegotiationTests {
    private let exec = StreamingRequest.exec(RemoteCommand(containerID: "c", command: ["ls"], streams: .all))
    private let forward = StreamingRequest.portForward(PortForwarding(podSandboxID: "p", ports: []))

    private static let spdy: HTTPHeaders = ["Connection": "Upgrade", "Upgrade": "SPDY/3.1"]
    private static let webSocket: HTTPHeaders = [
        "Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ]

    private func negotiate(
        _ uri: String = "/exec/token", _ method: HTTPMethod = .POST, _ headers: HTTPHeaders
    ) -> Result<Agreement, Refusal> {
        let negotiation = UpgradeNegotiation { token, kind in
            guard token == "token" else { return nil }
            return kind == .exec ? exec : kind == .portForward ? forward : nil
        }
        return Result { () throws(Refusal) in
            try negotiation.negotiate(HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers))
        }
    }

    private func refusal(_ result: Result<Agreement, Refusal>) -> UInt? {
        guard case .failure(let refusal) = result else { return nil }
        return refusal.status.code
    }

    private func with(_ headers: HTTPHeaders, _ name: String, _ values: String...) -> HTTPHeaders {
        var headers = headers
        for value in values { headers.add(name: name, value: value) }
        return headers
    }

    @Test(
        "the client's first protocol that is served is taken for SPDY",
        arguments: [
            (["v4.channel.k8s.io", "v3.channel.k8s.io"], "v4.channel.k8s.io", 4), (["v3.channel.k8s.io", "v4.channel.k8s.io"], "v3.channel.k8s.io", 3),
            (["v5.channel.k8s.io", "v2.channel.k8s.io"], "v2.channel.k8s.io", 2), (["channel.k8s.io"], "channel.k8s.io", 1),
            (["x, v4.channel.k8s.io"], "v4.channel.k8s.io", 4),
        ]) func spdy(offered: [String], chosen: String, version: Int) throws
    {
        var headers = Self.spdy
        for name in offered { headers.add(name: "X-Stream-Protocol-Version", value: name) }
        let agreement = try negotiate("/exec/token?x=y", .POST, headers).get()
        #expect(agreement.request == exec)
        #expect(agreement.transport == .spdy(version: version))
        #expect(agreement.headers["X-Stream-Protocol-Version"] == [chosen])
        #expect(agreement.headers["Upgrade"] == ["SPDY/3.1"])
    }

    @Test("port-forwards speak their own protocol over SPDY") func portForward() throws {
        let agreement = try negotiate("/portforward/token", .POST, with(Self.spdy, "X-Stream-Protocol-Version", "portforward.k8s.io")).get()
        #expect(agreement.request == forward)
        #expect(refusal(negotiate("/portforward/token", .POST, with(Self.spdy, "X-Stream-Protocol-Version", "v4.channel.k8s.io"))) == 403)
    }

    @Test("a client that speaks nothing that is served learns what is") func noCommonProtocol() {
        let result = negotiate(with(Self.spdy, "X-Stream-Protocol-Version", "v9.channel.k8s.io"))
        guard case .failure(let refusal) = result else {
            Issue.record("it was served")
            return
        }
        #expect(refusal.status == .forbidden)
        #expect(refusal.headers["X-Accepted-Stream-Protocol-Versions"] == UpgradeNegotiation.remoteCommandProtocols)
    }

    private func negotiate(_ headers: HTTPHeaders) -> Result<Agreement, Refusal> { negotiate("/exec/token", .POST, headers) }

    @Test("requests that are not for streams are refused") func refused() {
        let good = with(Self.spdy, "X-Stream-Protocol-Version", "v4.channel.k8s.io")
        #expect(refusal(negotiate(good)) == nil)
        #expect(refusal(negotiate("/", .GET, good)) == 404)
        #expect(refusal(negotiate("/exec", .GET, good)) == 404)
        #expect(refusal(negotiate("/exec/token/more", .GET, good)) == 404)
        #expect(refusal(negotiate("/logs/token", .GET, good)) == 404)
        #expect(refusal(negotiate("/exec/other", .GET, good)) == 404)
        #expect(refusal(negotiate("/attach/token", .GET, good)) == 404)
        #expect(refusal(negotiate("/exec/token", .PUT, good)) == 405)
        #expect(refusal(negotiate([:])) == 400)
        #expect(refusal(negotiate(["Connection": "Upgrade"])) == 400)
        #expect(refusal(negotiate(["Connection": "Upgrade", "Upgrade": "h2c"])) == 400)
        #expect(refusal(negotiate(["Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "v4.channel.k8s.io"])) == 400)
        #expect(refusal(negotiate(Self.spdy)) == 400)
        #expect(refusal(negotiate(with(Self.spdy, "X-Stream-Protocol-Version", ""))) == 400)
    }

    @Test("a token is not used up by a client that is refused for something else") func tokenIsKept() {
        var asked = 0
        let negotiation = UpgradeNegotiation { _, _ in
            asked += 1
            return exec
        }
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/exec/token", headers: with(Self.webSocket, "Sec-WebSocket-Protocol", "chat"))
        #expect(throws: Refusal.self) { try negotiation.negotiate(head) }
        #expect(asked == 0)
    }

    @Test(
        "WebSocket subprotocols",
        arguments: [
            ("/exec/token", "v5.channel.k8s.io", "v5.channel.k8s.io"), ("/exec/token", "chat, v4.base64.channel.k8s.io", "v4.base64.channel.k8s.io"),
            ("/exec/token", nil, nil), ("/portforward/token", "SPDY/3.1+portforward.k8s.io", "SPDY/3.1+portforward.k8s.io"),
            ("/portforward/token", "v2.portforward.k8s.io", "v2.portforward.k8s.io"), ("/portforward/token", "v4.channel.k8s.io", "v4.channel.k8s.io"),
            ("/portforward/token", "v5.channel.k8s.io, v4.base64.channel.k8s.io", "v4.base64.channel.k8s.io"), ("/portforward/token", nil, nil),
        ] as [(String, String?, String?)]) func webSocket(uri: String, offered: String?, chosen: String?) throws
    {
        var headers = Self.webSocket
        if let offered { headers.add(name: "Sec-WebSocket-Protocol", value: offered) }
        let agreement = try negotiate(uri, .GET, headers).get()
        #expect(agreement.headers["Sec-WebSocket-Protocol"] == [chosen].compactMap { $0 })
        #expect(agreement.headers["Sec-WebSocket-Accept"] == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="])
        switch agreement.transport {
        case .tunnel: #expect(chosen?.contains("portforward") == true)
        case .channels(let channels): #expect(channels.name == chosen ?? "")
        case .spdy: Issue.record("not SPDY without a tunnel")
        }
    }

    @Test("WebSockets of another kind are refused") func webSocketRefused() {
        #expect(refusal(negotiate("/exec/token", .POST, Self.webSocket)) == 405)
        #expect(refusal(negotiate("/exec/token", .GET, with(Self.webSocket, "Sec-WebSocket-Protocol", "chat"))) == 403)
        #expect(refusal(negotiate("/exec/token", .GET, with(Self.webSocket, "Sec-WebSocket-Protocol", "SPDY/3.1+portforward.k8s.io"))) == 403)
        var headers = Self.webSocket
        headers.replaceOrAdd(name: "Sec-WebSocket-Version", value: "8")
        #expect(refusal(negotiate("/exec/token", .GET, headers)) == 426)
        headers = Self.webSocket
        headers.replaceOrAdd(name: "Sec-WebSocket-Key", value: "short")
        #expect(refusal(negotiate("/exec/token", .GET, headers)) == 400)
    }
}
