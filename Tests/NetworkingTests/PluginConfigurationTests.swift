import Testing

@testable import Networking

@Suite struct PluginConfigurationTests {
    private func fields(capabilities: String, _ change: (inout PodNetworkRequest) -> Void = { _ in }) throws -> [String: JSONValue] {
        let text = #"{"name":"n","cniVersion":"1.0.0","plugins":[{"type":"p","keep":{"a":1},"capabilities":{\#(capabilities)}}]}"#
        let network = try NetworkList(file: "a.conflist", bytes: Array(text.utf8))
        var request = pod("p1")
        change(&request)
        return PluginConfiguration(network: network, request: request).fields(for: network.plugins[0], previous: nil)
    }

    @Test func thePluginsOwnFieldsAndTheNetworks() throws {
        let all = try fields(capabilities: "")
        #expect(all["name"] == .string("n") && all["cniVersion"] == .string("1.0.0") && all["type"] == .string("p"))
        #expect(all["keep"]?["a"] == .integer(1))
        #expect(all["capabilities"] == nil && all["runtimeConfig"] == nil && all["prevResult"] == nil)
    }

    @Test func everyCapability() throws {
        let names = ["portMappings", "bandwidth", "ips", "mac", "dns", "cgroupPath", "io.kubernetes.cri.pod-annotations"]
        let wanted = names.map { #""\#($0)":true"# }.joined(separator: ",")
        let change: (inout PodNetworkRequest) -> Void = {
            $0.portMappings = [
                PortMapping(transport: "tcp", containerPort: 80, hostPort: 8080, hostIP: "127.0.0.1"),
                PortMapping(transport: "udp", containerPort: 53, hostPort: 5353),
            ]
            $0.ingressBandwidth = 1_000_000
            $0.ips = ["10.1.0.9/16"]
            $0.mac = "02:00:00:00:00:01"
            $0.resolver = PodResolver(servers: ["10.96.0.10"], searches: ["svc"])
            $0.cgroupPath = "/kubepods/pod1"
            $0.annotations = ["a": "b"]
        }
        let expected = """
            {"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":"127.0.0.1"},
                             {"hostPort":5353,"containerPort":53,"protocol":"udp"}],
             "bandwidth":{"ingressRate":1000000,"ingressBurst":2147483647},
             "ips":["10.1.0.9/16"],"mac":"02:00:00:00:00:01","dns":{"servers":["10.96.0.10"],"searches":["svc"]},
             "cgroupPath":"/kubepods/pod1","io.kubernetes.cri.pod-annotations":{"a":"b"}}
            """
        #expect(try fields(capabilities: wanted, change)["runtimeConfig"] == JSONValue(bytes: Array(expected.utf8)))
        #expect(try fields(capabilities: "", change)["runtimeConfig"] == nil)
        #expect(try fields(capabilities: #""mac":false"#, change)["runtimeConfig"] == nil)
        #expect(try fields(capabilities: #""mac":true"#, change)["runtimeConfig"] == .object(["mac": .string("02:00:00:00:00:01")]))
        #expect(try fields(capabilities: #""mac":true,"portMappings":true,"bandwidth":true,"dns":true"#)["runtimeConfig"] == nil)
    }

    @Test func argumentsAsKubernetesPluginsKnowThem() throws {
        let expected =
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=p1;K8S_POD_UID=u-1"
        #expect(pod("p1").arguments == expected)
        var hostile = pod("p1")
        hostile.name = "web;K8S_POD_NAMESPACE=kube-system"
        #expect(throws: NetworkError.self) { try hostile.checkArguments() }
    }

    @Test func callsWithoutAPodSayNothingOfOne() {
        let call = PluginCall(command: "STATUS", network: "n", request: nil, netns: "")
        #expect(call.environment(pluginPath: "/a:/b") == ["CNI_COMMAND": "STATUS", "CNI_PATH": "/a:/b"])
    }
}
