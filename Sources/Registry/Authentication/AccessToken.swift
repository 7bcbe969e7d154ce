import FoundationEssentials
import NIOCore

/// What a token is asked for with, from a Bearer challenge: distribution specification, "Token Authentication".
struct TokenRequest: Sendable, Hashable {
    var realm: URL
    var service: String?
    var scopes: [String]

    /// Nil if the challenge names no realm that is an http or https address.
    init?(_ challenge: Challenge, repository: String) {
        guard let text = challenge.parameters["realm"], let realm = URL(string: text), let host = realm.host(), !host.isEmpty,
            ["http", "https"].contains(realm.scheme?.lowercased())
        else { return nil }
        self.realm = realm
        service = challenge.parameters["service"]
        let named = (challenge.parameters["scope"] ?? "").split(separator: " ").map(String.init)
        scopes = named.isEmpty ? ["repository:\(repository):pull"] : named
    }

    /// The address for a GET: the realm with the query of service, scopes and account.
    func url(account: String?) -> URL? {
        guard var components = URLComponents(url: realm, resolvingAgainstBaseURL: false) else { return nil }
        components.percentEncodedQuery = [components.percentEncodedQuery, Self.encode(fields(account: account))]
            .compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "&")
        return components.url
    }

    /// The body of the POST that exchanges an identity token, RFC 6749 section 6.
    func form(refreshToken: String) -> [UInt8] {
        let scope = scopes.joined(separator: " ")
        let grant = [("grant_type", "refresh_token"), ("client_id", "swiftlet"), ("refresh_token", refreshToken), ("scope", scope)]
        return Array(Self.encode(grant + (service.map { [("service", $0)] } ?? [])).utf8)
    }

    private func fields(account: String?) -> [(String, String)] {
        (account.map { [("account", $0)] } ?? []) + (service.map { [("service", $0)] } ?? []) + scopes.map { ("scope", $0) }
    }

    /// application/x-www-form-urlencoded, every byte escaped but the unreserved ones of RFC 3986.
    static func encode(_ fields: [(String, String)]) -> String {
        fields.map { "\(escape($0))=\(escape($1))" }.joined(separator: "&")
    }

    private static func escape(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            let character = Character(Unicode.Scalar(byte))
            if character.isASCII, character.isLetter || character.isNumber || "-._~".contains(character) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// A Bearer token and until when it serves.
struct AccessToken: Sendable, Equatable {
    let text: String
    let expires: NIODeadline

    /// Without a lifetime in the answer the specification's 60 s hold; a tenth of any lifetime is left as reserve.
    init(text: String, seconds: Int64?, now: NIODeadline) {
        self.text = text
        let lifetime = min(max(seconds ?? 60, 60), 24 * 3600)
        expires = now + .seconds(lifetime - lifetime / 10)
    }

    /// Reads a token server's answer; nil if it holds no token.
    init?(answer: [UInt8], now: NIODeadline) {
        guard let answer = try? JSONDecoder().decode(Answer.self, from: Data(answer)),
            let text = [answer.token, answer.accessToken].compactMap({ $0 }).first(where: { !$0.isEmpty }),
            // It goes into a header: nothing in it may end the line.
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.init(text: text, seconds: answer.expiresIn?.value, now: now)
    }

    private struct Answer: Decodable {
        var token: String?
        var accessToken: String?
        var expiresIn: Seconds?
        enum CodingKeys: String, CodingKey {
            case token
            case accessToken = "access_token"
            case expiresIn = "expires_in"
        }
    }

    /// A number, as the specification has it; registries also write it with a fraction or as text. What is none counts as not there.
    private struct Seconds: Decodable {
        var value: Int64?

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let number = (try? container.decode(Double.self)) ?? (try? container.decode(String.self)).flatMap { Double($0) }
            // Beyond what is clamped to anyway there is nothing to tell apart.
            value = number.flatMap { $0.isFinite ? Int64(min(max($0, 0), 1e9)) : nil }
        }
    }
}
