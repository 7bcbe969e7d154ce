import CRI
import NIOCore
import StreamingClient
import Testing

extension Integration.Streaming {
    @Suite struct PortForward {
        /// SPDY alone, and through WebSocket by both names.
        static let tunnels: [String?] = [nil, "SPDY/3.1+portforward.k8s.io", "v2.portforward.k8s.io"]

        private func withEchoes(_ body: (Daemon, TestPod, String) async throws -> Void) async throws {
            try await withContainer("nc -ll -p 8080 -e cat & nc -ll -p 8081 -e cat & wait") { daemon, pod, id in
                try await listens(8080, daemon.kubelet, id)
                try await listens(8081, daemon.kubelet, id)
                try await body(daemon, pod, id)
            }
        }

        private func listens(_ port: Int, _ kubelet: Kubelet, _ id: String) async throws {
            try await eventually("port \(port) is listened on") { try await kubelet.output(id, "netstat -ltn").contains(":\(port) ") }
        }

        @Test("Many connections to two ports on one session, half-closed by the client", arguments: tunnels)
        func many(tunnel: String?) async throws {
            try await withEchoes { daemon, pod, _ in
                try await daemon.kubelet.forward(pod.id, tunnel: tunnel) { _ in }
                try await daemon.keepingFigures {
                    try await daemon.kubelet.forward(pod.id, tunnel: tunnel) { client in
                        var expected: [UInt32: ByteBuffer] = [:]
                        var all: Set<UInt32> = []
                        for number in 0..<50 {
                            let (error, data) = try await client.open(port: number % 2 == 0 ? 8080 : 8081, request: number)
                            let bytes = ByteBuffer.random(2000 * number)
                            try await client.send(bytes, on: data, isLast: true)
                            expected[data] = bytes
                            all.formUnion([error, data])
                        }
                        #expect(try await client.receive { $0.ended.isSuperset(of: all) })
                        for (stream, bytes) in expected { #expect(client.received.bytes[stream] ?? ByteBuffer() == bytes) }
                        #expect(client.received.reset.isEmpty)
                    }
                }
            }
        }

        @Test("The pod's end reaches the client, which may go on sending")
        func podEndsFirst() async throws {
            try await withContainer("echo bye | nc -l -p 8082 >/tmp/got; sleep 1000") { daemon, pod, id in
                try await listens(8082, daemon.kubelet, id)
                try await daemon.kubelet.forward(pod.id) { client in
                    let (error, data) = try await client.open(port: 8082, request: 0)
                    #expect(try await client.receive { $0.ended.contains(data) })
                    #expect(client.received.text(data) == "bye\n")
                    #expect(!client.received.ended.contains(error))
                    try await client.send(ByteBuffer(string: "late words"), on: data, isLast: true)
                    #expect(try await client.receive { $0.ended.contains(error) })
                    #expect(client.received.text(error) == "")
                }
                #expect(try await daemon.kubelet.output(id, "cat /tmp/got") == "late words")
            }
        }

        @Test("What listens on the IPv6 loopback alone is reached")
        func six() async throws {
            try await withContainer("mkdir /www; echo six >/www/index.html; httpd -f -p '[::1]:8083' -h /www") { daemon, pod, id in
                try await listens(8083, daemon.kubelet, id)
                try await daemon.kubelet.forward(pod.id) { client in
                    let (error, data) = try await client.open(port: 8083, request: 0)
                    try await client.send(ByteBuffer(string: "GET / HTTP/1.0\r\n\r\n"), on: data)
                    #expect(try await client.receive { $0.ended.contains(data) || $0.ended.contains(error) })
                    #expect(client.received.text(data).hasSuffix("six\n"), "\(client.received.text(error))")
                }
            }
        }

        @Test("A connection that the pod refuses or resets is reset alone, and all others go on", arguments: tunnels)
        func refused(tunnel: String?) async throws {
            try await withEchoes { daemon, pod, _ in
                try await daemon.kubelet.forward(pod.id, tunnel: tunnel) { client in
                    let (error, data) = try await client.open(port: 9, request: 0)
                    #expect(try await client.receive { $0.ended.contains(error) && $0.reset[data] != nil })
                    // A word on it would make kubectl end the session.
                    #expect(client.received.text(error) == "")
                    let (_, second) = try await client.open(port: 8080, request: 1)
                    try await client.send(ByteBuffer(string: "still here"), on: second, isLast: true)
                    #expect(try await client.receive { $0.ended.contains(second) })
                    #expect(client.received.text(second) == "still here")
                }
            }
        }

        @Test("A pod in the host's network, whose ports are the host's")
        func hostNetwork() async throws {
            try await Daemon.during { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("host") { $0.linux.securityContext.namespaceOptions.network = .node }
                // The lab's registry is what listens on this host for certain.
                let port = try UInt16(#require(Lab.current.registry.split(separator: ":").last.flatMap { UInt16($0) }))
                try await kubelet.forward(pod.id) { client in
                    let (_, data) = try await client.open(port: port, request: 0)
                    try await client.send(ByteBuffer(string: "GET /v2/ HTTP/1.0\r\n\r\n"), on: data)
                    #expect(try await client.receive { $0.ended.contains(data) })
                    #expect(client.received.text(data).hasPrefix("HTTP/1.0 200"))
                }
            }
        }

        @Test("What is no port, and a pod that is stopped, are refused by the request")
        func edges() async throws {
            try await withContainer { daemon, pod, _ in
                for port: Int32 in [0, -1, 65536] {
                    #expect(await failure { try await daemon.kubelet.portForwardURL(pod.id, ports: [80, port]) }?.code == .invalidArgument)
                }
                let later = try await daemon.kubelet.portForwardURL(pod.id)
                _ = try await daemon.kubelet.runtime.stopPodSandbox(.with { $0.podSandboxID = pod.id })
                #expect(await failure { try await daemon.kubelet.portForwardURL(pod.id) }?.code == .failedPrecondition)
                try await SPDYClient.with(later, "portforward.k8s.io") { client in
                    let (error, _) = try await client.open(port: 80, request: 0)
                    #expect(try await client.receive { $0.ended.contains(error) })
                    #expect(client.received.text(error).contains("cannot forward port 80"))
                }
            }
        }
    }
}
