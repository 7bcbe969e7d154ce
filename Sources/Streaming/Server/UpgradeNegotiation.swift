import NIOHTTP1

/// What a client's HTTP request leads to. Knows no I/O.
struct Agreement: Equatable {
    enum Transport: Equatable {
        /// `version` is that of remotecommand, and means nothing for a port-forward.
        case spdy(version: Int)
        case channels(ChannelProtocol)
        /// SPDY in the messages of a WebSocket.
        case tunnel
    }

    let request: StreamingRequest
    let transport: Transport
    /// Of the answer 101.
    let headers: HTTPHeaders
}

/// Why a request is not served.
struct Refusal: Error, Equatable {
    let status: HTTPResponseStatus
    let text: String
    var headers = HTTPHeaders()
}

/// Kubernetes: the httpstream package of k8s.io/streaming; RFC 6455 section 4.2.
struct UpgradeNegotiation {
    static let portForwardProtocol = "portforward.k8s.io"
    static let tunnelProtocols = ["SPDY/3.1+portforward.k8s.io", "v2.portforward.k8s.io"]
    /// The older WebSocket protocols for port-forwards.
    static let portForwardChannels = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io", ""]
    /// For SPDY, the best first; the index counts down the versions.
    static let remoteCommandProtocols = ["v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io"]

    /// Takes the request that a token stands for.
    let redeem: (_ token: String, StreamingRequest.Kind) -> StreamingRequest?

    /// The token is used up only when everything else is right.
    func negotiate(_ head: HTTPRequestHead) throws(Refusal) -> Agreement {
        let path = head.uri.prefix { $0 != "?" }.split(separator: "/", omittingEmptySubsequences: true)
        guard path.count == 2, let kind = StreamingRequest.Kind(rawValue: String(path[0])) else { throw Self.notFound }
        guard head.method == .GET || head.method == .POST else {
            throw Refusal(status: .methodNotAllowed, text: "streams are opened by GET or POST", headers: ["Allow": "GET, POST"])
        }
        let connection = head.headers[canonicalForm: "Connection"].map { $0.lowercased() }
        let upgrades = head.headers[canonicalForm: "Upgrade"].map { $0.lowercased() }
        guard connection.contains("upgrade"), !upgrades.isEmpty else { throw Self.noUpgrade }
        let (transport, headers) =
            if upgrades.contains("websocket") {
                try webSocket(head, kind)
            } else if upgrades.contains("spdy/3.1") {
                try spdy(head, kind)
            } else {
                throw Self.noUpgrade
            }
        guard let request = redeem(String(path[1]), kind) else { throw Self.notFound }
        if case .portForward(let forwarding) = request, case .channels(let channels) = transport, forwarding.ports.count > channels.portLimit {
            throw Refusal(
                status: .badRequest,
                text: "\(forwarding.ports.count) ports: \(channels.portLimit) are the most that this protocol's channels reach; use SPDY or fewer")
        }
        return Agreement(request: request, transport: transport, headers: headers)
    }

    private func spdy(_ head: HTTPRequestHead, _ kind: StreamingRequest.Kind) throws(Refusal) -> (Agreement.Transport, HTTPHeaders) {
        let name = "X-Stream-Protocol-Version"
        let offered = head.headers[canonicalForm: name].filter { !$0.isEmpty }
        guard !offered.isEmpty else {
            throw Refusal(status: .badRequest, text: "the request lacks the header \(name)")
        }
        let served = kind == .portForward ? [Self.portForwardProtocol] : Self.remoteCommandProtocols
        guard let chosen = offered.lazy.map(String.init).first(where: served.contains), let place = served.firstIndex(of: chosen) else {
            var headers = HTTPHeaders()
            for name in served { headers.add(name: "X-Accepted-Stream-Protocol-Versions", value: name) }
            throw Self.noCommonProtocol(offered.map(String.init), served, headers)
        }
        let headers: HTTPHeaders = ["Connection": "Upgrade", "Upgrade": "SPDY/3.1", name: chosen]
        return (.spdy(version: Self.remoteCommandProtocols.count - place), headers)
    }

    private func webSocket(
        _ head: HTTPRequestHead, _ kind: StreamingRequest.Kind
    ) throws(Refusal) -> (Agreement.Transport, HTTPHeaders) {
        guard head.method == .GET else {
            throw Refusal(status: .methodNotAllowed, text: "WebSockets are opened by GET", headers: ["Allow": "GET"])
        }
        guard head.headers.first(name: "Sec-WebSocket-Version") == WebSocketHandshake.version else {
            throw Refusal(
                status: .upgradeRequired, text: "WebSocket version \(WebSocketHandshake.version) is served",
                headers: ["Sec-WebSocket-Version": WebSocketHandshake.version])
        }
        guard let accept = head.headers.first(name: "Sec-WebSocket-Key").flatMap(WebSocketHandshake.accept) else {
            throw Refusal(status: .badRequest, text: "the request lacks a Sec-WebSocket-Key of 16 bytes in base64")
        }
        let offered = head.headers[canonicalForm: "Sec-WebSocket-Protocol"].map(String.init).filter { !$0.isEmpty }
        guard let (name, transport) = chooseSubprotocol(offered, kind) else {
            throw Self.noCommonProtocol(
                offered, kind == .portForward ? Self.tunnelProtocols + Self.portForwardChannels : ["v5.channel.k8s.io"])
        }
        var headers: HTTPHeaders = ["Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Accept": accept]
        if !name.isEmpty { headers.add(name: "Sec-WebSocket-Protocol", value: name) }
        return (transport, headers)
    }

    /// The first of the client's that is served.
    private func chooseSubprotocol(_ offered: [String], _ kind: StreamingRequest.Kind) -> (String, Agreement.Transport)? {
        for name in offered.isEmpty ? [""] : offered {
            if kind == .portForward, Self.tunnelProtocols.contains(name) { return (name, .tunnel) }
            if kind == .portForward, !Self.portForwardChannels.contains(name) { continue }
            if let channels = ChannelProtocol(name: name) { return (name, .channels(channels)) }
        }
        return nil
    }

    private static let notFound = Refusal(
        status: .notFound, text: "no such stream: its URL is good once, for a minute, and only for what was asked for")

    private static let noUpgrade = Refusal(
        status: .badRequest, text: "streams need an upgrade to SPDY/3.1 or websocket", headers: ["Upgrade": "SPDY/3.1, websocket"])

    private static func noCommonProtocol(_ offered: [String], _ served: [String], _ headers: HTTPHeaders = [:]) -> Refusal {
        let (offered, served) = (offered.joined(separator: ", "), served.filter { !$0.isEmpty }.joined(separator: ", "))
        return Refusal(
            status: .forbidden, text: "the client speaks \(offered.isEmpty ? "no named protocol" : offered), this server \(served)",
            headers: headers)
    }
}
