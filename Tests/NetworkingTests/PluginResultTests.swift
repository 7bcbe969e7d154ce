import Testing

@testable import Networking

@Suite struct PluginResultTests {
    private func result(_ text: String) throws -> PluginResult {
        try PluginResult(try JSONValue(bytes: Array(text.utf8)), plugin: "bridge")
    }

    @Test func addressesInOrderOfBothFamilies() throws {
        let text = """
            {"cniVersion":"1.0.0","interfaces":[{"name":"cni0"},{"name":"veth1"},{"name":"eth0","sandbox":"/run/ns"}],
             "ips":[{"address":"10.1.0.7/16","gateway":"10.1.0.1","interface":2},{"address":"fd00::7/64","interface":2}],"dns":{}}
            """
        #expect(try result(text).ips == ["10.1.0.7", "fd00::7"])
        let reversed = #"{"ips":[{"address":"fd00::7/64"},{"address":"10.1.0.7/16"}]}"#
        #expect(try result(reversed).ips == ["fd00::7", "10.1.0.7"])
    }

    @Test func version03NamesTheFamily() throws {
        let text = """
            {"cniVersion":"0.3.1","interfaces":[{"name":"eth0","sandbox":"/n"}],
             "ips":[{"version":"4","address":"10.1.0.7/16","interface":0}]}
            """
        #expect(try result(text).ips == ["10.1.0.7"])
        #expect(try result(#"{"cniVersion":"0.3.0","ips":[{"version":"4","address":"10.1.0.7/16","interface":0}]}"#).ips == ["10.1.0.7"])
    }

    @Test func theFormBeforeVersion03() throws {
        #expect(try result(#"{"ip4":{"ip":"10.1.0.7/16"},"ip6":{"ip":"fd00::7/64"}}"#).ips == ["10.1.0.7", "fd00::7"])
    }

    @Test func addressesOnTheHostAreNotThePods() throws {
        let text = """
            {"interfaces":[{"name":"cni0"},{"name":"eth0","sandbox":"/n"}],
             "ips":[{"address":"10.1.0.1/16","interface":0},{"address":"10.1.0.7/16","interface":1}]}
            """
        #expect(try result(text).ips == ["10.1.0.7"])
    }

    @Test(arguments: ["{}", #"{"ips":[]}"#, #"{"ips":null,"interfaces":null}"#]) func noAddresses(text: String) throws {
        #expect(try result(text).ips == [])
    }

    @Test(arguments: [
        ("[]", "no JSON object"), ("null", "empty"), (#""x""#, "no JSON object"), (#"{"ips":{}}"#, "ips is no list"),
        (#"{"ips":[{}]}"#, "no address"), (#"{"ips":[7]}"#, "no address"), (#"{"ips":[{"address":7}]}"#, "no address"),
        (#"{"ips":[{"address":""}]}"#, "'' is no address"), (#"{"ips":[{"address":"10.1.0/16"}]}"#, "no address"),
        (#"{"ips":[{"address":"10.1.0.256/16"}]}"#, "no address"), (#"{"ips":[{"address":"fd00:::1/64"}]}"#, "no address"),
        (#"{"ips":[{"address":"localhost"}]}"#, "no address"),
        (#"{"interfaces":{},"ips":[]}"#, "interfaces is no list"),
        (#"{"interfaces":[{"name":"a","sandbox":"/n"}],"ips":[{"address":"10.0.0.1","interface":1}]}"#, "interface 1"),
        (#"{"interfaces":[{"name":"a","sandbox":"/n"}],"ips":[{"address":"10.0.0.1","interface":-1}]}"#, "interface -1"),
        (#"{"interfaces":[{"name":"a"}],"ips":[{"address":"10.0.0.1","interface":"a"}]}"#, "no number"),
        (#"{"ip4":{"ip":"nowhere"}}"#, "no address"),
    ]) func malformedOnes(text: String, reason: String) throws {
        let error = #expect(throws: NetworkError.self) { _ = try result(text) }
        let description = error?.description ?? ""
        #expect(description.contains("bridge") && description.contains(reason), "\(description)")
    }

    @Test func jsonSurvivesARoundTrip() throws {
        let text = #"{"a":[1,-2,2.5,true,false,null,"x\"ü"],"b":{"c":{}},"big":9223372036854775807}"#
        let value = try JSONValue(bytes: Array(text.utf8))
        #expect(try JSONValue(bytes: try value.bytes) == value)
        #expect(value["big"] == .integer(.max) && value["a"]?.items?[2] == .number(2.5) && value["none"] == nil)
    }
}
