import CRI
import Linux
import Testing

@testable import Node

@Suite struct GrowingPausesTests {
    @Test func eachIsTwiceTheOneBeforeUpToABound() {
        var pauses = GrowingPauses(first: .seconds(1), longest: .seconds(5))
        #expect((0..<5).map { _ in pauses.next() } == [.seconds(1), .seconds(2), .seconds(4), .seconds(5), .seconds(5)])
    }
}

@Suite struct PodPortsTests {
    private func mapping(_ host: Int32, _ container: Int32, _ ip: String = "", _ transport: Runtime_V1_Protocol = .tcp) -> Runtime_V1_PortMapping {
        .with { ($0.hostPort, $0.containerPort, $0.hostIp, $0.protocol) = (host, container, ip, transport) }
    }

    @Test func whatCanBeMapped() throws {
        try PodPorts.check([mapping(80, 1), mapping(65535, 65535, "127.0.0.1", .udp), mapping(1, 80, "::1", .sctp)])
        // Without a port of the host there is nothing to map.
        try PodPorts.check([mapping(0, 0), mapping(0, 8080)])
    }

    @Test func whatCannot() {
        for wrong in [
            mapping(80, 0), mapping(80, -5), mapping(80, 65536), mapping(-1, 80), mapping(65536, 80), mapping(80, 80, "localhost"),
            mapping(80, 80, "1.2.3"), mapping(80, 80, "1.2.3.4/24"), mapping(80, 80, "", .UNRECOGNIZED(9)),
        ] { #expect(throws: NodeError.self, "\(wrong)") { try PodPorts.check([wrong]) } }
    }
}

@Suite struct HostnameTests {
    private func check(_ hostname: String) throws(NodeError) {
        try Runtime_V1_PodSandboxConfig.with {
            ($0.metadata.name, $0.metadata.namespace, $0.hostname) = ("n", "ns", hostname)
        }.checkMetadata()
    }

    @Test(arguments: ["", "web-0", "web-0.sub.svc.cluster.local", "A_b", String(repeating: "x", count: 64)])
    func names(_ name: String) throws { try check(name) }

    @Test(arguments: ["a\nb", "a\r", "a b", "a\0", "a\u{2028}b", "ä", "a/b", "\t", String(repeating: "x", count: 65)])
    func whatIsNoName(_ name: String) { #expect(throws: NodeError.self) { try check(name) } }
}
