import Cgroups
import CRI
import Foundation
import Glibc
import Linux
import OCIRuntime

extension Node {
    /// Changes a container's limits, whether it runs already or waits to be started. CRI, UpdateContainerResources: what is zero
    /// stays as it is.
    /// - Throws: `NodeError`.
    public func updateContainerResources(_ id: String, _ resources: Runtime_V1_LinuxContainerResources) async throws {
        let id = try inventory.container(id).id
        try await detached { [self] in
            try await locks.withLock(id) { [self] in
                let container = try inventory.container(id)
                guard container.mayRun else {
                    throw NodeError.failedPrecondition(
                        "container \(container.key) is \(container.phase.rawValue): its limits mean nothing any more")
                }
                do { try await update(container, resources) } catch {
                    throw nodeError(error, "updating the resources of container \(container.key)")
                }
                logger(container: container).info("container's resources updated")
            }
        }
    }

    private func update(_ container: ContainerRecord, _ new: Runtime_V1_LinuxContainerResources) async throws {
        let merged = container.resources.updated(by: new)
        let builder = ResourcesBuilder(host: settings.host, settings: settings.specification)
        let limits = try builder.limits(merged)
        try await checkMemory(new.memoryLimitInBytes, of: container.cgroupPath)
        let json = [UInt8](try JSONEncoder().encode(limits))
        try await runtimes.runtime(of: pod(of: container)).update(container.id, resources: json)
        // runc's update leaves these out.
        var rest = CgroupLimits()
        for page in new.hugepageLimits where settings.host.hugepageSizes.contains(page.pageSize) { rest.hugepages[page.pageSize] = page.limit }
        let score = new.oomScoreAdj == 0 ? nil : builder.score(new)
        try await BlockingPool.shared.run { [cgroups, rest] in
            try cgroups.limit(container: container.cgroupPath, rest)
            if let score { try Self.setScore(score, cgroups.directories(of: container.cgroupPath)) }
        }
        try await inventory.updateContainer(container.id) { $0.resources = merged }
    }

    /// A limit below what is used and cannot be taken back: cgroup v1 refuses it, with v2 processes would be killed at once.
    /// - Throws: `NodeError.failedPrecondition` with both figures.
    func checkMemory(_ limit: Int64, of path: String) async throws {
        guard limit > 0, let used = try await BlockingPool.shared.run({ [cgroups] in cgroups.statistics(of: path)?.workingSet }) else { return }
        guard used <= UInt64(limit) else {
            throw NodeError.failedPrecondition(
                "the memory limit of \(limit) bytes is below the \(used) bytes that are used and cannot be taken back")
        }
    }

    private static func setScore(_ score: Int, _ directories: [String]) throws {
        do { try OOMScore.set(score, ofProcessesIn: directories) } catch {
            guard error.code == EACCES || error.code == EPERM else { throw error }
            throw NodeError.failedPrecondition(
                "the OOM score \(score) is below what the processes began with, and the daemon lacks CAP_SYS_RESOURCE to lower it")
        }
    }

    /// A container's limits as they are in force: the request's and the updates', with what follows from them. CRI, ContainerStatus.
    public func resourcesInForce(of container: ContainerRecord) -> Runtime_V1_LinuxContainerResources {
        ResourcesBuilder(host: settings.host, settings: settings.specification).inForce(container.resources)
    }
}

extension Runtime_V1_LinuxContainerResources {
    /// These limits with those of `new` that are set.
    func updated(by new: Self) -> Self {
        var result = self
        if new.cpuPeriod != 0 { result.cpuPeriod = new.cpuPeriod }
        if new.cpuQuota != 0 { result.cpuQuota = new.cpuQuota }
        if new.cpuShares != 0 { result.cpuShares = new.cpuShares }
        if new.memoryLimitInBytes != 0 {
            result.memoryLimitInBytes = new.memoryLimitInBytes
            // Memory and swap together cannot be less than memory alone: an earlier limit on both that is too low goes along with memory's.
            let both = result.memorySwapLimitInBytes
            if both > 0, new.memoryLimitInBytes < 0 || new.memoryLimitInBytes > both { result.memorySwapLimitInBytes = 0 }
        }
        if new.memorySwapLimitInBytes != 0 { result.memorySwapLimitInBytes = new.memorySwapLimitInBytes }
        if new.oomScoreAdj != 0 { result.oomScoreAdj = new.oomScoreAdj }
        if !new.cpusetCpus.isEmpty { result.cpusetCpus = new.cpusetCpus }
        if !new.cpusetMems.isEmpty { result.cpusetMems = new.cpusetMems }
        let sizes = Set(new.hugepageLimits.map(\.pageSize))
        result.hugepageLimits = result.hugepageLimits.filter { !sizes.contains($0.pageSize) } + new.hugepageLimits
        result.unified.merge(new.unified) { $1 }
        return result
    }
}
