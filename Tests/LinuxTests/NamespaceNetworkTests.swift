import CLinux
import Glibc
import Testing

@testable import Linux

@Suite struct NamespaceNetworkTests {
    /// A server in the namespace that answers once with "hi".
    private func listen(_ family: CInt, in path: String, port: UInt16) async throws -> OwnedDescriptor {
        try await NetworkNamespace.enter(path) {
            let server = OwnedDescriptor(try check("socket") { socket(family, CInt(SOCK_STREAM.rawValue), 0) })
            let result: CInt
            if family == AF_INET {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                result = withUnsafeBytes(of: &address) { bind(server.raw, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, 16) }
            } else {
                // Else it would take connections by IPv4 too.
                var only: CInt = 1
                try check("setsockopt") { setsockopt(server.raw, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &only, 4) }
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                result = withUnsafeBytes(of: &address) { bind(server.raw, $0.assumingMemoryBound(to: sockaddr.self).baseAddress, 28) }
            }
            guard result == 0 else { throw SystemError("bind") }
            try check("listen") { Glibc.listen(server.raw, 1) }
            return server
        }
    }

    @Test(arguments: [AF_INET, AF_INET6]) func connectsInsideByEitherFamily(family: CInt) async throws {
        try await withPins {
            $0.network = true
        } _: { pinned, _ in
            let path = try #require(pinned.net)
            let server = try await listen(family, in: path, port: 7777)
            let client = try await NetworkNamespace.connect(path, port: 7777)
            try server.setNonBlocking()
            try await Poller.shared.readable(server.raw)
            let accepted = OwnedDescriptor(accept(server.raw, nil, nil))
            try accepted.setNonBlocking()
            try await accepted.writeAll(Array("hi".utf8))
            accepted.close()
            #expect(try await client.readAll(limit: 10) == Array("hi".utf8))
        }
    }

    @Test func refusalsAndMissingNamespaces() async throws {
        try await withPins {
            $0.network = true
        } _: { pinned, _ in
            await #expect(throws: SystemError("connect", code: ECONNREFUSED, "127.0.0.1:9")) {
                _ = try await NetworkNamespace.connect(pinned.net, port: 9)
            }
        }
        await #expect(throws: SystemError("open", code: ENOENT, "/no/netns")) {
            _ = try await NetworkNamespace.connect("/no/netns", port: 9)
        }
        await #expect(throws: SystemError("setns", code: EINVAL, "/etc/hostname")) {
            _ = try await NetworkNamespace.connect("/etc/hostname", port: 9)
        }
    }

    @Test func theCallersOwnNamespaceIsKept() async throws {
        let own = NamespaceFile.of(process: getpid(), .net).identity
        try await withPins {
            $0.network = true
        } _: { pinned, _ in
            let path = try #require(pinned.net)
            let inside = try await NetworkNamespace.enter(path) { NamespaceFile(.net, path: "/proc/thread-self/ns/net").identity }
            #expect(inside == NamespaceFile(.net, path: path).identity && inside != own)
            for _ in 0..<8 {
                let pooled = try await BlockingPool.shared.run { NamespaceFile(.net, path: "/proc/thread-self/ns/net").identity }
                #expect(pooled == own)
            }
        }
    }
}
