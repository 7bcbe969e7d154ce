import Testing

@testable import Networking

@Suite struct NetworkListTests {
    private func read(_ text: String, _ file: String = "10-a.conflist") throws(NetworkError) -> NetworkList {
        try NetworkList(file: file, bytes: Array(text.utf8))
    }

    @Test func listsAndSingleFiles() throws {
        let list = try read(
            #"{"cniVersion":"1.0.0","name":"n","disableCheck":"true","plugins":[{"type":"bridge"},{"type":"portmap","capabilities":{"portMappings":true,"x":false}}]}"#
        )
        #expect(list.plugins.map(\.type) == ["bridge", "portmap"] && list.disableCheck && !list.disableGC)
        #expect(list.plugins[1].capabilities == ["portMappings"])
        #expect(list.speaks(since: "0.4.0") && !list.speaks(since: "1.1.0"))
        let single = try read(#"{"cniVersion":"0.3.1","name":"n","type":"ptp","mtu":1}"#, "a.conf")
        #expect(single.plugins.map(\.type) == ["ptp"] && single.plugins[0].configuration["mtu"] == .integer(1))
        #expect(!single.speaks(since: "0.4.0"))
    }

    @Test(arguments: [
        "", "[]", "null", "{", #"{"name":"n"}"#, #"{"name":"","plugins":[{"type":"a"}]}"#, #"{"name":"n","plugins":[]}"#,
        #"{"name":"n","plugins":[{"type":"../evil"}]}"#, #"{"name":"n","plugins":[{}]}"#, #"{"name":"n","plugins":[1]}"#,
        #"{"name":"n","cniVersion":"9.9.9","plugins":[{"type":"a"}]}"#,
    ])
    func whatIsNoNetworkSaysWhy(_ text: String) {
        #expect { try read(text) } throws: { "\($0)".contains("10-a.conflist") }
    }

    @Test func theFirstOrTheNamedOneIsChosen() throws {
        let first = try read(#"{"name":"a","plugins":[{"type":"x"}]}"#)
        let second = try read(#"{"name":"b","plugins":[{"type":"x"}]}"#)
        let directory = NetworkDirectory(networks: [first, second], problems: ["p"])
        #expect(try directory.chosen(nil, directory: "/d").name == "a")
        #expect(try directory.chosen("b", directory: "/d").name == "b")
        #expect { try directory.chosen("c", directory: "/d") } throws: { "\($0)".contains("no CNI network named c") }
        #expect { try NetworkDirectory().chosen(nil, directory: "/d") } throws: { "\($0)".contains("no CNI configuration file in /d") }
    }

    @Test func onlyWhatAPluginUnderstandsReachesIt() throws {
        let list = try read(
            #"{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"a"},{"type":"b","capabilities":{"portMappings":true,"bandwidth":true}}]}"#
        )
        var request = PodNetworkRequest(podID: "p", name: "x", namespace: "y", uid: "u", netnsPath: "/n")
        request.portMappings = [PortMapping(transport: "tcp", containerPort: 80, hostPort: 8080)]
        request.ingressBandwidth = 1000
        let configuration = PluginConfiguration(network: list, request: request)
        #expect(configuration.fields(for: list.plugins[0], previous: nil)["runtimeConfig"] == nil)
        let second = configuration.fields(for: list.plugins[1], previous: .object([:]))
        #expect(second["capabilities"] == nil && second["prevResult"] == .object([:]) && second["name"] == .string("n"))
        #expect(second["runtimeConfig"]?["portMappings"]?.items?.count == 1)
        #expect(second["runtimeConfig"]?["bandwidth"]?["ingressRate"] == .integer(1000))
        #expect(request.arguments == "IgnoreUnknown=1;K8S_POD_NAMESPACE=y;K8S_POD_NAME=x;K8S_POD_INFRA_CONTAINER_ID=p;K8S_POD_UID=u")
    }
}

@Suite struct PluginResultTests {
    private func ips(_ text: String) throws -> [String] {
        try PluginResult(try JSONValue(bytes: Array(text.utf8)), plugin: "p").ips
    }

    @Test func resultsOfEveryVersion() throws {
        #expect(
            try ips(
                #"{"cniVersion":"1.0.0","interfaces":[{"name":"br"},{"name":"eth0","sandbox":"/n"}],"ips":[{"address":"10.0.0.2/16","interface":1},{"address":"fd00::2/64","interface":1},{"address":"10.9.9.9/8","interface":0}]}"#
            )
                == ["10.0.0.2", "fd00::2"])
        #expect(try ips(#"{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.0.0.2/16"}]}"#) == ["10.0.0.2"])
        #expect(try ips(#"{"cniVersion":"0.2.0","ip4":{"ip":"10.0.0.2/16"},"ip6":{"ip":"fd00::1/64"}}"#) == ["10.0.0.2", "fd00::1"])
        #expect(try ips("{}") == [])
    }

    @Test(arguments: [
        "null", "[]", "1", #"{"ips":[{}]}"#, #"{"ips":[{"address":"not an address"}]}"#, #"{"ips":[{"address":""}]}"#,
        #"{"interfaces":[],"ips":[{"address":"10.0.0.2/16","interface":3}]}"#, #"{"ips":[{"address":"10.0.0.2\n/16"}]}"#,
    ])
    func malformedResultsAreOneClearError(_ text: String) {
        #expect { try ips(text) } throws: { "\($0)".hasPrefix("the result of CNI plugin p cannot be read") }
    }
}
