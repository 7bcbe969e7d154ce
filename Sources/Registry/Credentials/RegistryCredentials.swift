import FoundationEssentials

/// What proves to a registry who is asking. Never printed: every description is redacted.
///
/// The fields are those of the CRI's AuthConfig, of which the most specific is used: a registry token goes out as it is,
/// an identity token is exchanged for an access token, a user name and password are Basic credentials or buy a token.
public struct RegistryCredentials: Sendable, Hashable {
    public var username: String
    public var password: String
    /// An OAuth2 refresh token.
    public var identityToken: String
    /// A Bearer token, ready for use.
    public var registryToken: String

    public init(username: String = "", password: String = "", identityToken: String = "", registryToken: String = "") {
        (self.username, self.password) = (username, password)
        (self.identityToken, self.registryToken) = (identityToken, registryToken)
    }

    /// Reads the `auth` field of auth.json(5) and of the CRI: `user:password` in base64. Nil if it is not that.
    public init?(auth: String) {
        // Docker pads the password with NUL bytes that are not part of it.
        guard let data = Data(base64Encoded: auth.filter { !$0.isWhitespace }) else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let colon = text.firstIndex(of: ":"), colon != text.startIndex else { return nil }
        var password = text[text.index(after: colon)...]
        while password.last == "\0" { password.removeLast() }
        self.init(username: String(text[..<colon]), password: String(password))
    }

    public var isEmpty: Bool { username.isEmpty && password.isEmpty && identityToken.isEmpty && registryToken.isEmpty }

    var basicAuthorization: String? {
        username.isEmpty ? nil : "Basic " + Data("\(username):\(password)".utf8).base64EncodedString()
    }
}

extension RegistryCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { isEmpty ? "no credentials" : "credentials [redacted]" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
