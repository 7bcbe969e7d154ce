import CRI
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Testing

extension Integration {
    /// Any number may stand in any field of any request: it is taken or refused, and the daemon lives.
    @Suite struct ExtremeNumbers {
        private struct Raw: MessageSerializer, MessageDeserializer {
            func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) throws -> Bytes { Bytes(message) }
            func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> [UInt8] { bytes.withUnsafeBytes { Array($0) } }
        }

        private static let values = [UInt64(Int64.max), UInt64(bitPattern: .min), .max, UInt64(UInt32.max), UInt64(bitPattern: Int64(Int32.min))]

        @Test("The file of the CRI is read: its calls, and the numbers of its requests")
        func numbers() throws {
            let proto = try ProtoFile.cri()
            #expect(proto.calls.count > 30)
            #expect(proto.numbers(of: "StopContainerRequest") == [[2]])
            #expect(proto.numbers(of: "CreateContainerRequest").count > 40)
        }

        @Test("Each number of each request at its extremes, alone and with all others")
        func all() async throws {
            let proto = try ProtoFile.cri()
            try await Daemon.during(networked: false) { daemon in
                let kubelet = daemon.kubelet
                let image = try Lab.current.busybox
                _ = try await kubelet.pull(image)
                let pod = try await kubelet.runPod("pod") { $0.linux.securityContext.namespaceOptions.network = .node }
                let container = try await kubelet.run("c", in: pod, "trap 'exit 0' TERM; while :; do sleep 1; done")
                try await withGRPCClient(transport: try Kubelet.transport(to: daemon.socket)) { client in
                    var sent = 0
                    for call in proto.calls {
                        let paths = proto.numbers(of: call.request)
                        for (path, value) in cases(paths) {
                            sent += 1
                            let texts = [
                                "pod_sandbox_id": pod.id, "container_id": container, "name": "n\(sent)", "namespace": "tests", "uid": "u",
                                "image": image, "cmd": "true", "command": "true",
                            ]
                            try await send(client, call, proto.encode(call.request, value, at: path, texts))
                            for made in try await kubelet.runtime.listPodSandbox(.init()).items where made.id != pod.id {
                                try await kubelet.removePod(made.id)
                            }
                        }
                    }
                    #expect(sent > 100)
                }
                #expect(try await kubelet.status(pod: pod.id).state == .sandboxReady)
            }
        }

        private func cases(_ paths: [[UInt64]]) -> [(Set<[UInt64]>, UInt64)] {
            guard !paths.isEmpty else { return [] }
            return Self.values.map { (Set(paths), $0) } + paths.flatMap { path in [UInt64(Int64.max), UInt64(bitPattern: .min)].map { ([path], $0) } }
        }

        /// What it answers is its own; that it answers at all, and afterwards, is what counts.
        private func send(
            _ client: GRPCClient<Kubelet.Transport>, _ call: (service: String, name: String, request: String), _ message: [UInt8]
        ) async throws {
            var options = CallOptions.defaults
            options.timeout = .seconds(5)
            let method = MethodDescriptor(fullyQualifiedService: "runtime.v1.\(call.service)", method: call.name)
            let error = await failure {
                try await client.unary(
                    request: ClientRequest(message: message), descriptor: method, serializer: Raw(), deserializer: Raw(), options: options
                ) { try $0.message }
            }
            // Of a pod in a network that is not ready, and not of a daemon that has gone.
            #expect(error?.code != .unavailable || call.name == "RunPodSandbox", "\(call.name): \(error?.message ?? "")")
        }
    }
}
