import CRI
import OCI

/// Who a container's process runs as.
public struct ResolvedUser: Sendable, Equatable {
    public var uid: UInt32
    public var gid: UInt32
    /// Sorted, without repetition.
    public var groups: [UInt32]
    public var home: String
    /// Of the first process; nil for the runtime's default.
    public var umask: UInt32?

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
        user.umask = umask
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
    /// A number is always a uid or gid, even where the image's files have an entry of that name: the kubelet, too, takes it
    /// as one when it checks runAsNonRoot. With `:group` the image's files add no groups, OCI image specification,
    /// config.md "User".
    ///
    /// - Parameters:
    ///   - context: the request's, which wins over the image.
    ///   - imageUser: the image's `User`.
    ///   - accounts: the image's own passwd and group files.
    /// - Throws: `SpecError.invalid` for names that the files do not have, for a uid and a name at once, and for a group
    ///   without either.
    public static func resolve(
        _ context: Runtime_V1_LinuxContainerSecurityContext, imageUser: String, accounts: AccountFiles
    ) throws(SpecError) -> ResolvedUser {
        if context.hasRunAsUser, !context.runAsUsername.isEmpty {
            throw .invalid(
                "the security context has both runAsUser \(context.runAsUser.value) and runAsUserName '\(context.runAsUsername)': set one")
        }
        var (result, memberships) = try base(context, imageUser: imageUser, accounts: accounts)
        if context.hasRunAsGroup {
            guard context.hasRunAsUser || !context.runAsUsername.isEmpty else {
                throw .invalid("the security context has runAsGroup without a user: set runAsUser or runAsUserName too")
            }
            result.gid = try id(context.runAsGroup.value, "runAsGroup")
        }
        var groups: Set<UInt32> = [result.gid]
        for group in context.supplementalGroups { groups.insert(try id(group, "a supplemental group")) }
        switch context.supplementalGroupsPolicy {
        case .merge: groups.formUnion(memberships)
        case .strict: break
        case .UNRECOGNIZED(let value): throw .invalid("the supplemental groups policy \(value) is not known")
        }
        result.groups = groups.sorted()
        return result
    }

    private static func base(
        _ context: Runtime_V1_LinuxContainerSecurityContext, imageUser: String, accounts: AccountFiles
    ) throws(SpecError) -> (user: ResolvedUser, memberships: [UInt32]) {
        if context.hasRunAsUser {
            let uid = try id(context.runAsUser.value, "runAsUser")
            return known(accounts.user(uid: uid), uid: uid, accounts)
        }
        let text = context.runAsUsername.nonEmpty ?? imageUser
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var (user, memberships) = try lookUp(parts.first ?? "", accounts)
        if parts.count > 1, !parts[1].isEmpty {
            user.gid = try groupID(parts[1], accounts)
            memberships = []
        }
        return (user, memberships)
    }

    private static func lookUp(
        _ name: String, _ accounts: AccountFiles
    ) throws(SpecError) -> (user: ResolvedUser, memberships: [UInt32]) {
        if name.isEmpty {
            var root = known(accounts.user(uid: 0), uid: 0, accounts)
            if accounts.user(uid: 0)?.home.nonEmpty == nil { root.user.home = "/root" }
            return root
        }
        if let number = Int64(name) {
            let uid = try id(number, "the user '\(name)'")
            return known(accounts.user(uid: uid), uid: uid, accounts)
        }
        guard let entry = accounts.user(named: name) else {
            throw .invalid("the image's /etc/passwd has no user '\(name)': use a number or a user that it has")
        }
        return known(entry, uid: entry.uid, accounts)
    }

    private static func known(
        _ entry: AccountFiles.User?, uid: UInt32, _ accounts: AccountFiles
    ) -> (user: ResolvedUser, memberships: [UInt32]) {
        guard let entry else { return (ResolvedUser(uid: uid), []) }
        return (ResolvedUser(uid: uid, gid: entry.gid, home: entry.home.nonEmpty ?? "/"), accounts.groups(of: entry.name))
    }

    private static func groupID(_ name: String, _ accounts: AccountFiles) throws(SpecError) -> UInt32 {
        if let number = Int64(name) { return try id(number, "the group '\(name)'") }
        guard let known = accounts.group(named: name) else {
            throw .invalid("the image's /etc/group has no group '\(name)': use a number or a group that it has")
        }
        return known.gid
    }

    private static func id(_ value: Int64, _ what: String) throws(SpecError) -> UInt32 {
        guard let id = UInt32(exactly: value), id < UInt32.max else { throw .invalid("\(what) is \(value); an id is from 0 to 4294967294") }
        return id
    }
}
