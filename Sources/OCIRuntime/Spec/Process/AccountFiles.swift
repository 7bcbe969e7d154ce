/// passwd(5) and group(5) of an image: only what a container's user is found by. Lines that are not of the form are passed over.
///
/// The files are an image's to write and may be large: they are kept as they are and gone through line by line, so that what a look-up
/// takes beside them is one line.
public struct AccountFiles: Sendable, Equatable {
    public struct User: Sendable, Equatable {
        public let name: String
        public let uid: UInt32
        public let gid: UInt32
        public let home: String
    }

    public struct Group: Sendable, Equatable {
        public let name: String
        public let gid: UInt32
        public let members: [String]
    }

    private let passwd: [UInt8]
    private let group: [UInt8]
    /// A longer line is no account.
    static let longestLine = 64 << 10
    /// The most groups that a user is found in: NGROUPS_MAX of Linux.
    static let mostGroups = 65_536

    /// Takes the two files' texts; empty where a file is not there.
    public init(passwd: String, group: String) { (self.passwd, self.group) = (Array(passwd.utf8), Array(group.utf8)) }

    /// Takes the two files' bytes; empty where a file is not there.
    public init(passwd: [UInt8], group: [UInt8]) { (self.passwd, self.group) = (passwd, group) }

    func user(named name: String) -> User? { Self.first(in: passwd, Self.user) { $0.name == name } }
    func user(uid: UInt32) -> User? { Self.first(in: passwd, Self.user) { $0.uid == uid } }
    func group(named name: String) -> Group? { Self.first(in: group, Self.group) { $0.name == name } }

    /// The groups that list a user as a member.
    func groups(of user: String) -> [UInt32] {
        var found: [UInt32] = []
        for fields in Lines(group) {
            guard found.count < Self.mostGroups else { break }
            if let group = Self.group(fields), group.members.contains(user) { found.append(group.gid) }
        }
        return found
    }

    private static func first<T>(in text: [UInt8], _ read: ([Substring]) -> T?, where matches: (T) -> Bool) -> T? {
        for fields in Lines(text) {
            if let value = read(fields), matches(value) { return value }
        }
        return nil
    }

    private static func user(_ fields: [Substring]) -> User? {
        guard fields.count >= 4, !fields[0].isEmpty, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
        return User(name: String(fields[0]), uid: uid, gid: gid, home: fields.count > 5 ? String(fields[5]) : "")
    }

    private static func group(_ fields: [Substring]) -> Group? {
        guard fields.count >= 3, !fields[0].isEmpty, let gid = UInt32(fields[2]) else { return nil }
        return Group(name: String(fields[0]), gid: gid, members: fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : [])
    }

    /// The fields of each line that is not empty, no comment and not too long.
    private struct Lines: Sequence, IteratorProtocol {
        private let text: [UInt8]
        private var position: Int

        init(_ text: [UInt8]) { (self.text, position) = (text, text.startIndex) }

        mutating func next() -> [Substring]? {
            while position < text.endIndex {
                let end = text[position...].firstIndex { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r") } ?? text.endIndex
                defer { position = end + 1 }
                let line = text[position..<end]
                guard !line.isEmpty, line.first != UInt8(ascii: "#"), line.count <= AccountFiles.longestLine else { continue }
                return String(decoding: line, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
            }
            return nil
        }
    }
}
