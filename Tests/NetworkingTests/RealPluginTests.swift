import Glibc
import Linux
import Testing

@testable import Networking

/// Debian's plugins on a bridge of the test's own.
@Suite(.serialized, .enabled(if: Files.exists("/usr/lib/cni/bridge") && geteuid() == 0)) struct RealPluginTests {
    private let bridge = "swltest0"

    /// A network namespace without a process, as a pod has it.
    private func withNamespace(_ body: (String) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/net"
        try Files.writeAtomically([], to: path)
        let made = try await Command("unshare", ["--net=\(path)", "true"]).run(timeout: .seconds(20))
        try #require(made.status.isSuccess, "\(made.errorText)")
        let result: Result<Void, any Error>
        do { result = .success(try await body(path)) } catch { result = .failure(error) }
        try Mounts.unmount(path)
        try result.get()
    }

    private func withNetwork(_ body: (CNINetworking, TemporaryDirectory) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        try Files.makeDirectories(directory.path + "/net.d")
        let text = """
            {"name":"\(bridge)","cniVersion":"1.0.0","plugins":[
              {"type":"bridge","bridge":"\(bridge)","isGateway":true,"ipMasq":false,
               "ipam":{"type":"host-local","dataDir":"\(directory.path)/ipam",
                       "ranges":[[{"subnet":"10.231.77.0/24"}],[{"subnet":"fd77:231::/64"}]]}},
              {"type":"portmap","capabilities":{"portMappings":true}}]}
            """
        try Files.writeAtomically(Array(text.utf8), to: directory.path + "/net.d/10-test.conflist")
        let options = NetworkOptions(
            configurationDirectory: directory.path + "/net.d", pluginDirectories: ["/opt/cni/bin", "/usr/lib/cni"],
            cacheDirectory: directory.path + "/cache")
        let result: Result<Void, any Error>
        let network = try await CNINetworking(options: options, logger: quiet)
        do { result = .success(try await body(network, directory)) } catch { result = .failure(error) }
        try await network.collectGarbage { _ in false }
        _ = try await Command("ip", ["link", "del", bridge]).run(timeout: .seconds(20))
        try result.get()
    }

    private func addresses(_ directory: TemporaryDirectory) throws -> [String] {
        try Files.list("\(directory.path)/ipam/\(bridge)").filter { $0.first?.isNumber == true || $0.hasPrefix("fd77") }
    }

    @Test func aPodIsReachedCheckedAndTakenDown() async throws {
        try await withNetwork { network, directory in
            #expect(await network.status() == .ready)
            #expect(try await network.inspectPlugins().allSatisfy { $0.problem == nil })
            try await withNamespace { path in
                let request = pod("realpod1", netns: path)
                let made = try await network.attach(request)
                #expect(made.ips.count == 2)
                #expect(made.ips.first?.hasPrefix("10.231.77.") == true && made.ips.last?.hasPrefix("fd77:231::") == true)
                try await network.check(request)
                let inside = try await Command("nsenter", ["--net=\(path)", "ip", "-o", "addr", "show", "eth0"]).run(timeout: .seconds(20))
                let said = String(decoding: inside.output, as: UTF8.self)
                for ip in made.ips { #expect(said.contains(ip)) }
                try await network.detach(request)
                try await network.detach(request)
            }
            #expect(try addresses(directory) == [])
            #expect(try Files.list(directory.path + "/cache") == [])
        }
    }

    @Test func hostPortsLeadToThePodWhileItIsThere() async throws {
        func rules() async throws -> String {
            let result = try await Command("iptables", ["-w", "-t", "nat", "-S"]).run(timeout: .seconds(20))
            return String(decoding: result.output, as: UTF8.self)
        }
        try await withNetwork { network, _ in
            try await withNamespace { path in
                var request = pod("realpod4", netns: path)
                request.portMappings = [PortMapping(transport: "tcp", containerPort: 80, hostPort: 31877)]
                let made = try await network.attach(request)
                let ip = try #require(made.ips.first)
                #expect(try await rules().contains("--dport 31877 -j DNAT --to-destination \(ip):80"))
                try await network.detach(request)
                #expect(try await !rules().contains("to-destination \(ip):80"))
            }
        }
    }

    @Test func addressesComeBackThoughTheNamespaceIsGone() async throws {
        try await withNetwork { network, directory in
            try await withNamespace { path in _ = try await network.attach(pod("realpod2", netns: path)) }
            #expect(try addresses(directory).count == 2)
            try await network.collectGarbage { _ in false }
            #expect(try addresses(directory) == [])
        }
    }

    @Test func aPluginsRefusalIsPassedOnAndUndone() async throws {
        try await withNetwork { network, directory in
            let error = await #expect(throws: NetworkError.self) { _ = try await network.attach(pod("realpod3", netns: "/no/such/netns")) }
            guard case .plugin(let name, "ADD", _, _, let message, _)? = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(name == "bridge" && message.contains("/no/such/netns"))
            let left = try Files.list(directory.path + "/cache")
            #expect(left == [])
        }
    }
}
