import Linux
import Testing

@testable import Networking

@Suite struct NetworkListTests {
    private func list(_ text: String, file: String = "10-a.conflist") throws -> NetworkList {
        try NetworkList(file: file, bytes: Array(text.utf8))
    }

    @Test func aListOfPlugins() throws {
        let network = try list(
            """
            {"name":"a","cniVersion":"1.0.0","disableCheck":true,"plugins":[
              {"type":"bridge","bridge":"b0","ipam":{"type":"host-local"}},
              {"type":"portmap","capabilities":{"portMappings":true,"mac":false}}]}
            """)
        #expect(network.name == "a" && network.cniVersion == "1.0.0")
        #expect(network.disableCheck && !network.disableGC)
        #expect(network.plugins.map(\.type) == ["bridge", "portmap"])
        #expect(network.plugins.map(\.capabilities) == [[], ["portMappings"]])
        #expect(network.plugins[0].configuration["ipam"]?["type"]?.text == "host-local")
    }

    @Test(arguments: ["10-a.conf", "10-a.json"]) func aSinglePlugin(file: String) throws {
        let network = try list(#"{"name":"a","cniVersion":"0.4.0","type":"ptp"}"#, file: file)
        #expect(network.plugins.map(\.type) == ["ptp"])
    }

    @Test(arguments: [
        (#""cniVersion":"0.3.1""#, "0.3.1"), (#""cniVersion":"1.1.0""#, "1.1.0"), (#""x":1"#, "0.2.0"),
        (#""cniVersions":["0.4.0","1.0.0"]"#, "1.0.0"), (#""cniVersion":"0.4.0","cniVersions":["9.0.0","1.1.0"]"#, "1.1.0"),
    ]) func versions(field: String, expected: String) throws {
        #expect(try list(#"{"name":"a",\#(field),"plugins":[{"type":"p"}]}"#).cniVersion == expected)
    }

    @Test func flagsMayBeText() throws {
        let text = #"{"name":"a","cniVersion":"1.1.0","disableGC":"true","disableCheck":"false","plugins":[{"type":"p"}]}"#
        #expect(try list(text).disableGC && !list(text).disableCheck)
    }

    @Test func whatEachVersionSpeaks() throws {
        func speaks(_ version: String, _ least: String) throws -> Bool {
            try list(#"{"name":"a","cniVersion":"\#(version)","plugins":[{"type":"p"}]}"#).speaks(since: least)
        }
        #expect(try !speaks("0.3.1", "0.4.0"))
        #expect(try speaks("0.4.0", "0.4.0") && speaks("1.1.0", "0.4.0") && speaks("1.1.0", "1.1.0"))
        #expect(try !speaks("1.0.0", "1.1.0"))
    }

    @Test(arguments: [
        ("", "no JSON"), ("{", "no JSON"), ("[]", "no JSON object"), ("7", "no JSON object"), ("{}", "no name"),
        (#"{"name":7,"plugins":[{"type":"p"}]}"#, "no name"), (#"{"name":"","plugins":[{"type":"p"}]}"#, "no name"),
        (#"{"name":"../x","plugins":[{"type":"p"}]}"#, "no name"), (#"{"name":"a b","plugins":[{"type":"p"}]}"#, "no name"),
        (#"{"name":"a"}"#, "no plugins"), (#"{"name":"a","plugins":[]}"#, "no plugins"),
        (#"{"name":"a","plugins":{}}"#, "no plugins"),
        (#"{"name":"a","plugins":[7]}"#, "plugin 1 is no JSON object"),
        (#"{"name":"a","plugins":[{"type":"p"},{}]}"#, "plugin 2 has no type"),
        (#"{"name":"a","plugins":[{"type":"../../bin/sh"}]}"#, "no file name"),
        (#"{"name":"a","plugins":[{"type":".."}]}"#, "no file name"),
        (#"{"name":"a","plugins":[{"type":""}]}"#, "no type"),
        (#"{"name":"a","plugins":[{"type":"p","capabilities":["x"]}]}"#, "capabilities"),
        (#"{"name":"a","cniVersion":"2.0.0","plugins":[{"type":"p"}]}"#, "2.0.0"),
        (#"{"name":"a","cniVersion":1,"plugins":[{"type":"p"}]}"#, "no text"),
        (#"{"name":"a","cniVersions":"1.0.0","plugins":[{"type":"p"}]}"#, "no list"),
        (#"{"name":"a","disableGC":"perhaps","plugins":[{"type":"p"}]}"#, "disableGC"),
    ]) func malformedOnes(text: String, reason: String) throws {
        let error = #expect(throws: NetworkError.self) { _ = try list(text) }
        let description = error?.description ?? ""
        #expect(description.contains("10-a.conflist") && description.contains(reason), "\(description)")
    }

    @Test func aListUnderTheWrongNameIsToldSo() throws {
        let error = #expect(throws: NetworkError.self) { _ = try list(#"{"name":"a","plugins":[{"type":"p"}]}"#, file: "a.conf") }
        #expect(error?.description.contains(".conflist") == true)
    }

    /// No prefix of a good file, and no file with one byte changed, does worse than throw.
    @Test func damagedFilesOnlyThrow() throws {
        let text = #"{"name":"a","cniVersion":"1.0.0","plugins":[{"type":"bridge","capabilities":{"mac":true},"n":[1,2.5,null]}]}"#
        let good = Array(text.utf8)
        for length in 0..<good.count {
            #expect(throws: NetworkError.self) { _ = try NetworkList(file: "a.conflist", bytes: Array(good[..<length])) }
        }
        for index in good.indices {
            for byte: UInt8 in [0, 0x22, 0x7b, 0xff] {
                var bytes = good
                bytes[index] = byte
                do { _ = try NetworkList(file: "a.conflist", bytes: bytes) } catch { #expect(!error.description.isEmpty) }
            }
        }
    }
}

@Suite struct NetworkDirectoryTests {
    @Test func filesInLexicalOrderAndReasonsForTheRest() throws {
        let fake = try FakeNetwork(plugins: [])
        try fake.configure("30-c.conf", #"{"name":"c","cniVersion":"0.4.0","type":"p"}"#)
        try fake.configure("20-b.conflist", #"{"name":"b","cniVersion":"0.4.0","plugins":[{"type":"p"}]}"#)
        try fake.configure("10-bad.conflist", "{")
        try fake.configure("05-ignored.txt", #"{"name":"x","cniVersion":"0.4.0","type":"p"}"#)
        let directory = NetworkDirectory.read(fake.configurations)
        #expect(directory.networks.map(\.name) == ["b", "c"])
        #expect(directory.problems.count == 1 && directory.problems[0].contains("10-bad.conflist"))
        #expect(try directory.chosen(nil, directory: "/d").name == "b")
        #expect(try directory.chosen("c", directory: "/d").name == "c")
        let error = #expect(throws: NetworkError.self) { _ = try directory.chosen("z", directory: "/d") }
        #expect(error?.description.contains("named z in /d") == true && error?.description.contains("10-bad") == true)
    }

    @Test func aDirectoryWithoutFiles() throws {
        let error = #expect(throws: NetworkError.self) { _ = try NetworkDirectory.read("/no/such").chosen(nil, directory: "/d") }
        #expect(error?.description.contains("/d") == true)
    }
}
