import CRI
import NIOSSL
import StreamingClient
import Testing

extension Integration.Streaming {
    @Suite struct Server {
        @Test("A URL is good once and for its own kind of request, and nobody guesses it")
        func tokens() async throws {
            try await withContainer { daemon, pod, id in
                let kubelet = daemon.kubelet
                let url = try await kubelet.execURL(id, ["true"])
                #expect(url.hasPrefix("http://127.0.0.1:"))
                #expect(try #require(url.split(separator: "/").last).count >= 32)
                let run: (String) async throws -> Int? = { url in
                    try await RemoteCommandClient.with(url, .spdy, [.stdout, .stderr]) { try await $0.output().exitCode }
                }
                #expect(try await run(url) == 0)
                let wrong = [
                    url, try await kubelet.execURL(id, ["true"]).replacing("/exec/", with: "/attach/"),
                    try await kubelet.portForwardURL(pod.id).replacing("/portforward/", with: "/exec/"),
                    String(try await kubelet.execURL(id, ["true"]).dropLast(4)) + "AAAA",
                ]
                for url in wrong {
                    let refused = await #expect(throws: ClientConnection.Refused.self) { try await run(url) }
                    #expect(refused?.head.hasPrefix("HTTP/1.1 404 ") == true)
                }
            }
        }

        @Test("TLS, with a certificate that is changed while the daemon runs")
        func tls() async throws {
            let directory = try makeTemporaryDirectory()
            try await certify(directory)
            let configuration = """
                [crio.api]
                stream_enable_tls = true
                stream_tls_cert = "\(directory)/cert.pem"
                stream_tls_key = "\(directory)/key.pem"
                """
            try await Daemon.during(configuration: configuration) { daemon in
                let kubelet = daemon.kubelet
                _ = try await kubelet.pull(Lab.current.busybox)
                let pod = try await kubelet.runPod("pod")
                let id = try await kubelet.run("c", in: pod, "trap exit TERM; while :; do sleep 0.1; done")
                let run: (NIOSSLContext, RemoteCommandClient.Transport) async throws -> String = { context, transport in
                    let url = try await kubelet.execURL(id, ["echo", "secret"])
                    #expect(url.hasPrefix("https://"))
                    return try await RemoteCommandClient.with(url, transport, [.stdout, .stderr], tls: context) { try await $0.output().stdout }
                }
                let first = try trust("\(directory)/cert.pem")
                #expect(try await run(first, .spdy) == "secret\n")
                #expect(try await run(first, .webSocket) == "secret\n")
                try await certify(directory)
                let second = try trust("\(directory)/cert.pem")
                #expect(try await run(second, .spdy) == "secret\n")
                await #expect(throws: (any Error).self) { try await run(first, .spdy) }
            }
            try await shell("rm -r \(directory)")
        }

        /// Makes a certificate for 127.0.0.1 and puts it into place as a renewal does.
        private func certify(_ directory: String) async throws {
            try await shell(
                """
                cd \(directory)
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=swiftlet \
                    -addext subjectAltName=IP:127.0.0.1 -keyout key.new -out cert.new 2>/dev/null
                mv key.new key.pem
                mv cert.new cert.pem
                """)
        }

        private func trust(_ certificate: String) throws -> NIOSSLContext {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.trustRoots = .file(certificate)
            return try NIOSSLContext(configuration: configuration)
        }
    }
}
