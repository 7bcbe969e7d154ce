/// passwd(5) and group(5) of an image: only what a container's user is found by. Lines that are not of the form are passed over.
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

    public let users: [User]
    public let groups: [Group]

    /// Reads the two files' texts; empty where a file is not there.
    public init(passwd: String, group: String) {
        users = Self.fields(passwd, atLeast: 4).compactMap { fields in
            guard let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return User(name: fields[0], uid: uid, gid: gid, home: fields.count > 5 ? fields[5] : "")
        }
        groups = Self.fields(group, atLeast: 3).compactMap { fields in
            guard let gid = UInt32(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: fields[0], gid: gid, members: members)
        }
    }

    private static func fields(_ text: String, atLeast count: Int) -> [[String]] {
        text.split(whereSeparator: \.isNewline)
            .filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) }
            .filter { $0.count >= count && !$0[0].isEmpty }
    }

    func user(named name: String) -> User? { users.first { $0.name == name } }
    func user(uid: UInt32) -> User? { users.first { $0.uid == uid } }
    func group(named name: String) -> Group? { groups.first { $0.name == name } }
    /// The groups that list a user as a member.
    func groups(of user: String) -> [UInt32] { groups.filter { $0.members.contains(user) }.map(\.gid) }
}
