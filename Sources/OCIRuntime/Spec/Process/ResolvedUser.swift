import CRI
import OCI

/// Who a container's process runs as.
public struct ResolvedUser: Sendable, Equatable {
    public var uid: UInt32
    public var gid: UInt32
    /// Sorted, without repetition.
    public var groups: [UInt32]
    public var home: String

    public init(uid: UInt32 = 0, gid: UInt32 = 0, groups: [UInt32] = [], home: String = "/") {
        self.uid = uid
        self.gid = gid
        self.groups = groups
        self.home = home
    }

    /// The user with further groups, as devices bring them.
    public func joining(_ more: [UInt32]) -> ResolvedUser {
        var user = self
        user.groups = Set(groups + more).sorted()
        return user
    }

    var specification: Spec.User {
        var user = Spec.User()
        user.uid = uid
        user.gid = gid
        user.additionalGids = groups.isEmpty ? nil : groups
        return user
    }

    /// The user of the container's status.
    public var message: Runtime_V1_ContainerUser {
        .with {
            $0.linux.uid = Int64(uid)
            $0.linux.gid = Int64(gid)
            $0.linux.supplementalGroups = groups.map(Int64.init)
        }
    }

    /// Finds the user: the request's uid, or its name, or what the image says (`user`, `uid`, either with `:group`).
    ///
    /// - Parameters:
    ///   - context: the request's, which wins over the image.
    ///   - imageUser: the image's `User`.
    ///   - accounts: the image's own passwd and group files.
    /// - Throws: `SpecError.invalid` for names that the files do not have, and for a group without a user.
    public static func resolve(
        _ context: Runtime_V1_LinuxContainerSecurityContext, imageUser: String, accounts: AccountFiles
    ) throws(SpecError) -> ResolvedUser {
        var result = try base(context, imageUser: imageUser, accounts: accounts)
        if context.hasRunAsGroup {
            guard context.hasRunAsUser || !context.runAsUsername.isEmpty || !imageUser.isEmpty else {
                throw .invalid("the security context has runAsGroup without a user: set runAsUser or runAsUserName too")
            }
            result.gid = try id(context.runAsGroup.value, "runAsGroup")
        }
        var groups: Set<UInt32> = [result.gid]
        for group in context.supplementalGroups { groups.insert(try id(group, "a supplemental group")) }
        // With Strict, only what the request names; with Merge, what the image's files say of the user too.
        if context.supplementalGroupsPolicy == .merge, let name = accounts.user(uid: result.uid)?.name {
            groups.formUnion(accounts.groups(of: name))
        }
        result.groups = groups.sorted()
        return result
    }

    private static func base(
        _ context: Runtime_V1_LinuxContainerSecurityContext, imageUser: String, accounts: AccountFiles
    ) throws(SpecError) -> ResolvedUser {
        if context.hasRunAsUser {
            let uid = try id(context.runAsUser.value, "runAsUser")
            let known = accounts.user(uid: uid)
            return ResolvedUser(uid: uid, gid: known?.gid ?? 0, home: known?.home.nonEmpty ?? "/")
        }
        let text = context.runAsUsername.nonEmpty ?? imageUser
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var user = try lookUp(parts.first ?? "", accounts)
        if parts.count > 1, !parts[1].isEmpty { user.gid = try groupID(parts[1], accounts) }
        return user
    }

    private static func lookUp(_ name: String, _ accounts: AccountFiles) throws(SpecError) -> ResolvedUser {
        if name.isEmpty { return ResolvedUser(home: accounts.user(uid: 0)?.home.nonEmpty ?? "/root") }
        if let known = accounts.user(named: name) {
            return ResolvedUser(uid: known.uid, gid: known.gid, home: known.home.nonEmpty ?? "/")
        }
        guard let uid = UInt32(name) else {
            throw .invalid("the image's /etc/passwd has no user '\(name)': use a number or a user that it has")
        }
        let known = accounts.user(uid: uid)
        return ResolvedUser(uid: uid, gid: known?.gid ?? 0, home: known?.home.nonEmpty ?? "/")
    }

    private static func groupID(_ name: String, _ accounts: AccountFiles) throws(SpecError) -> UInt32 {
        if let known = accounts.group(named: name) { return known.gid }
        guard let gid = UInt32(name) else {
            throw .invalid("the image's /etc/group has no group '\(name)': use a number or a group that it has")
        }
        return gid
    }

    private static func id(_ value: Int64, _ what: String) throws(SpecError) -> UInt32 {
        guard let id = UInt32(exactly: value), id < UInt32.max else { throw .invalid("\(what) is \(value); an id is from 0 to 4294967294") }
        return id
    }
}
