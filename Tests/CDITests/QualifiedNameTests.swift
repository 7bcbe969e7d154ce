import Testing

@testable import CDI

@Suite struct QualifiedNameTests {
    @Test func namesHaveThreeParts() throws {
        let name = try QualifiedName("vendor.com/net-work=eth0:1")
        #expect(name.vendor == "vendor.com" && name.deviceClass == "net-work" && name.device == "eth0:1")
        #expect(name.description == "vendor.com/net-work=eth0:1")
        #expect(name == QualifiedName(vendor: "vendor.com", deviceClass: "net-work", device: "eth0:1"))
    }

    @Test(arguments: ["v/c=d", "V_-.1/c.d=0", "a/b=0", "nvidia.com/gpu=all", "v/c=d_-.:x"])
    func names(_ text: String) throws { #expect(try QualifiedName(text).description == text) }

    @Test(arguments: [
        "", "=", "/=", "v/c", "v=d", "v/c=", "/c=d", "v/=d", "1v/c=d", "v/1c=d", "v./c=d", "v/c-=d", "v/c=-d", "v/c=d:", "v/c=d=e", "v/c/x=d",
        "v /c=d", "v/c=d ", "vé/c=d", "v/c=dé", "v/c=d,v/c=e", "/dev/null",
    ])
    func whatIsNoName(_ text: String) { #expect(throws: CDIError.malformedName(text)) { try QualifiedName(text) } }
}
