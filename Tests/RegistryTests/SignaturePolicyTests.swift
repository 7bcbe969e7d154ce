import Testing

@testable import Registry

private let accept = "[{\"type\": \"insecureAcceptAnything\"}]"
private let reject = "[{\"type\": \"reject\"}]"

private func policy(_ text: String) throws -> SignaturePolicy { try .parse(Array(text.utf8), file: "policy.json") }

@Suite struct SignaturePolicyTests {
    @Test func theMostSpecificScopeDecides() throws {
        let policy = try policy(
            """
            {"default": \(reject), "transports": {
              "docker-daemon": {"": \(accept)},
              "docker": {
                "": \(reject), "example.com": \(accept), "example.com/bad": \(reject), "example.com/bad/but:good": \(accept),
                "*.wild.org": \(accept), "x.wild.org": \(reject),
                "signed.org": [{"type": "sigstoreSigned", "keyPath": "/k"}], "gpg.org": [{"type": "signedBy", "keyType": "GPGKeys"}]
              }}}
            """)
        func isAccepted(_ name: String) throws -> Bool {
            do {
                try policy.check(try ImageReference(normalized: name))
                return true
            } catch RegistryError.rejectedByPolicy {
                return false
            }
        }
        #expect(try isAccepted("example.com/app"))
        #expect(try !isAccepted("example.com/bad/app"))
        #expect(try !isAccepted("example.com/bad/but:other"))
        #expect(try isAccepted("example.com/bad/but:good"))
        #expect(try isAccepted("a.b.wild.org:5000/app"))
        #expect(try !isAccepted("x.wild.org/app"))
        #expect(try !isAccepted("elsewhere.org/app"))
        for (name, type) in [("signed.org/app", "sigstoreSigned"), ("gpg.org/app", "signedBy")] {
            let error = #expect(throws: RegistryError.self) { try isAccepted(name) }
            #expect(error?.description.contains("\(type), and signatures are not yet supported") == true)
        }
    }

    @Test func theDefaultHoldsWhereNoScopeDoes() throws {
        #expect(throws: RegistryError.self) { try policy("{\"default\": \(reject)}").check(ImageReference(normalized: "a.org/b")) }
        try policy("{\"default\": \(accept)}").check(ImageReference(normalized: "a.org/b"))
    }

    @Test(arguments: [
        "", "[]", "{}", "{\"default\": []}", "{\"default\": [{\"type\": \"maybe\"}]}", "{\"default\": [{}]}", "{\"default\": 1}",
    ])
    func malformedPoliciesAreErrors(text: String) {
        #expect(throws: RegistryError.self) { try policy(text) }
    }

    @Test func namespacesHaveTheirOwn() async throws {
        let directory = try TemporaryDirectory()
        let general = try directory.write("{\"default\": \(accept)}", to: "policy.json")
        try directory.write("{\"default\": \(reject)}", to: "n/locked.json")
        let files = PolicyFiles(file: general, directory: "\(directory.path)/n")
        let reference = try ImageReference(normalized: "a.org/b")
        try await files.check([reference], namespace: nil)
        try await files.check([reference], namespace: "open")
        await #expect(throws: RegistryError.self) { try await files.check([reference], namespace: "locked") }
        let missing = await #expect(throws: RegistryError.self) {
            try await PolicyFiles(file: "\(directory.path)/none.json").check([reference], namespace: nil)
        }
        #expect(missing?.description.hasPrefix("open \(directory.path)/none.json: no such file or directory") == true)
    }

    @Test func oneOfAnImagesNamesIsEnough() async throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write(
            "{\"default\": \(reject), \"transports\": {\"docker\": {\"a.org\": \(accept)}}}", to: "policy.json")
        let files = PolicyFiles(file: file)
        let (good, bad) = (try ImageReference(normalized: "a.org/b"), try ImageReference(normalized: "b.org/b"))
        try await files.check([bad, good], namespace: nil)
        await #expect(throws: RegistryError.self) { try await files.check([bad], namespace: nil) }
    }

    /// A node whose policy is gone goes on with what runs; it pulls nothing until the file is there.
    @Test func aMissingPolicyStopsPullsAlone() async throws {
        let directory = try TemporaryDirectory()
        var options = try testOptions(in: directory)
        options.policyFile = "\(directory.path)/later.json"
        try await withClient(options) { client in
            let reference = try ImageReference(normalized: "127.0.0.1:1/a")
            await #expect(throws: RegistryError.self) { try await client.checkPolicy([reference], namespace: nil) }
            try directory.write("{\"default\": \(accept)}", to: "later.json")
            try await client.checkPolicy([reference], namespace: nil)
        }
    }
}
