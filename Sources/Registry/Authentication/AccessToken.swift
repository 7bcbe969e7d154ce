import FoundationEssentials
import NIOCore

/// What a token is asked for with, from a Bearer challenge: distribution specification, "Token Authentication".
struct TokenRequest: Sendable, Hashable {
    var realm: ServerAddress
    var service: String?
    var scopes: [String]

    /// Nil if the challenge names no realm that is a ``ServerAddress``.
    init?(_ challenge: Challenge, repository: String) {
        guard let realm = challenge.parameters["realm"].flatMap({ ServerAddress($0) }) else { return nil }
        self.realm = realm
        service = challenge.parameters["service"]
        let named = (challenge.parameters["scope"] ?? "").split(separator: " ").map(String.init)
        scopes = named.isEmpty ? ["repository:\(repository):pull"] : named
    }

    /// The address for a GET: the realm with the query of service, scopes and account.
    func address(account: String?) -> ServerAddress? {
        let query = [realm.url.query(percentEncoded: true), Self.encode(fields(account: account))]
        return realm.with(percentEncodedQuery: query.compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: "&"))
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
        guard let answer = try? JSONDecoder().decode(TokenAnswer.self, from: Data(answer)),
            let text = answer.tokens.first(where: { !$0.isEmpty }),
            // It goes into a header: nothing in it may end the line.
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.init(text: text, seconds: answer.seconds, now: now)
    }
}

/// A token server's answer, as servers write it: the token by one of several names, the lifetime a number, a fraction or a text.
private struct TokenAnswer: Decodable {
    let tokens: [String]
    let seconds: Int64?

    enum Key: String, CodingKey {
        case token, jwt
        case accessToken = "access_token"
        case accessTokenInCamelCase = "accessToken"
        case expiresIn = "expires_in"
        case expiresInCamelCase = "expiresIn"
    }

    init(from decoder: any Decoder) throws {
        let fields = try decoder.container(keyedBy: Key.self)
        // A field of another type than expected is as good as absent.
        tokens = [Key.token, .accessToken, .accessTokenInCamelCase, .jwt].compactMap { try? fields.decode(String.self, forKey: $0) }
        seconds =
            [Key.expiresIn, .expiresInCamelCase].lazy.compactMap { key -> Int64? in
                if let whole = try? fields.decode(Int64.self, forKey: key) { return whole }
                let number = (try? fields.decode(Double.self, forKey: key)) ?? (try? fields.decode(String.self, forKey: key)).flatMap { Double($0) }
                return number.flatMap { $0.isFinite ? Int64(min(max($0, 0), 1e9)) : nil }
            }.first
    }
}
