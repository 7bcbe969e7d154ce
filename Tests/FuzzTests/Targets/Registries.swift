import NIOCore
import OCI

@testable import Registry

extension FuzzTarget {
    static let registries: [FuzzTarget] = [
        FuzzTarget("registries.conf") { input in
            let configuration = try RegistriesFile.parse(String(decoding: input, as: UTF8.self), file: "registries.conf")
            _ = configuration
        },
        FuzzTarget("policy.json") { input in
            let policy = try SignaturePolicy.parse(input, file: "policy.json")
            try policy.check(try ImageReference(normalized: "registry.test/team/image:1"))
        },
        FuzzTarget("auth.json") { input in _ = try AuthFile.parse(input, file: "auth.json") },
        FuzzTarget("challenge") { input in
            for challenge in Challenge.parse([String(decoding: input, as: UTF8.self)]) {
                hold(!challenge.scheme.isEmpty, "a challenge has no scheme")
                _ = TokenRequest(challenge, repository: "team/image")
            }
        },
        FuzzTarget("token") { input in
            guard let token = AccessToken(answer: input, now: .now()) else { return }
            hold(token.text.utf8.allSatisfy { (0x21...0x7e).contains($0) }, "a token breaks its header")
        },
        FuzzTarget("registry-error") { input in _ = ErrorDetail.parse(input) },
        FuzzTarget("retry-after") { input in
            if let seconds = RetryAfter.parse(String(decoding: input, as: UTF8.self), now: 1_790_000_000) {
                hold(seconds >= 0, "a wait of \(seconds) s")
            }
        },
        FuzzTarget("address") { input in
            var steering = Steering(input)
            let base = String(decoding: steering.take(Int(steering.byte())), as: UTF8.self)
            let location = String(decoding: steering.rest(), as: UTF8.self)
            guard let source = ServerAddress(base) else { return }
            for address in [source, ServerAddress(location, relativeTo: source)].compactMap({ $0 }) {
                hold(address.url.port.map { (1...65535).contains($0) } ?? true, "an address has the port \(address.url.port ?? 0)")
                hold(["http", "https"].contains(address.scheme), "an address has the scheme \(address.scheme)")
            }
        },
    ]
}
