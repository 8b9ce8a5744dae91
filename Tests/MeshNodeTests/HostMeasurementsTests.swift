import Gossip
import MeshNode
import Testing

@Suite("Host measurements")
struct HostMeasurementsTests {
  @Test("processor time of /proc/stat: idle and iowait are not busy, steal is")
  func processorTime() {
    let text = "cpu  100 20 30 800 50 5 5 90 7 0\ncpu0 1 2 3 4\nintr 12345"
    #expect(ProcText.processorTime(text) == ProcText.ProcessorTime(busy: 250, total: 1_100))
    #expect(ProcText.processorTime("cpu  1 2 3 4") == ProcText.ProcessorTime(busy: 6, total: 10))
  }

  @Test(
    "texts that are not as described are told, not trusted",
    arguments: [
      "", "cpu", "cpu  1 2 3", "cpu  a b c d", "cpu  -1 2 3 4", "cpux 1 2 3 4", "cpu  1 2 3 99999999999999999999",
    ])
  func badProcessorTime(text: String) { #expect(ProcText.processorTime(text) == nil) }

  @Test("meminfo, statm, limits")
  func otherTexts() {
    let meminfo = "MemTotal:       24683128 kB\nMemFree: 5 kB\nMemAvailable:   23000000 kB\n"
    #expect(ProcText.kilobytes("MemTotal", in: meminfo) == 25_275_523_072)
    #expect(ProcText.kilobytes("MemAvailable", in: meminfo) == 23_552_000_000)
    #expect(ProcText.kilobytes("Mem", in: meminfo) == nil)
    #expect(ProcText.kilobytes("MemTotal", in: "MemTotal: 18446744073709551615 kB") == nil)
    #expect(ProcText.residentPages("1000 250 30 1 0 80 0") == 250)
    #expect(ProcText.residentPages("1000") == nil)
    #expect(ProcText.number("max\n") == nil)
    #expect(ProcText.number("9223372036854771712\n") == nil, "what v1 shows for no limit")
    #expect(ProcText.number("536870912\n") == 536_870_912)
    #expect(ProcText.processorLimit("150000 100000\n") == 1.5)
    #expect(ProcText.processorLimit("max 100000\n") == nil)
    #expect(ProcText.processorLimit("1 0") == nil)
    #expect(ProcText.value("usage_usec", in: "usage_usec 42\nuser_usec 40") == 42)
  }

  @Test("own group in both hierarchies")
  func groups() {
    let text = "9:name=systemd:/\n4:memory:/a/b\n2:cpu,cpuacct:/c\n0::/user.slice/x\n"
    #expect(ProcText.group(controller: nil, in: text) == "/user.slice/x")
    #expect(ProcText.group(controller: "memory", in: text) == "/a/b")
    #expect(ProcText.group(controller: "cpuacct", in: text) == "/c")
    #expect(ProcText.group(controller: "cpuset", in: text) == nil)
  }

  @Test("counters of /proc/net/snmp by name")
  func snmp() {
    let text = """
      Ip: Forwarding DefaultTTL InReceives InHdrErrors InDelivers
      Ip: 2 64 357 0 350
      Icmp: InMsgs
      Icmp: 3
      Udp: InDatagrams NoPorts
      Udp: 24 1
      """
    #expect(ProcText.counter("Ip", "InReceives", in: text) == 357)
    #expect(ProcText.counter("Ip", "InDelivers", in: text) == 350)
    #expect(ProcText.counter("Udp", "NoPorts", in: text) == 1)
    #expect(ProcText.counter("Udp", "RcvbufErrors", in: text) == nil)
    #expect(ProcText.counter("Tcp", "x", in: text) == nil)
  }

  @Test("load over all processors, smoothed; memory that can be had at once is not used")
  func machine() throws {
    let root = ScratchFolder()
    root.write("proc/stat", "cpu  0 0 0 1000 0 0 0 0\n")
    root.write("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 750 kB\n")
    root.write("proc/self/statm", "100 7 0 0 0 0 0\n")
    let host = HostMeasurements(root: root.path + "/", onlineProcessors: 4)
    #expect(host.processors == 4)
    #expect(host.memoryLimit == 1_024_000)
    host.sample(at: 1_000_000_000)
    #expect(host.processorRatio == nil, "one sample is no rate")
    #expect(host.memoryRatio == 0.25)
    #expect(host.residentBytes % 7 == 0 && host.residentBytes > 0)

    root.write("proc/stat", "cpu  50 0 50 1100 0 0 0 0\n")
    host.sample(at: 2_000_000_000)
    #expect(host.processorRatio == 0.5)
    root.write("proc/stat", "cpu  250 0 50 1100 0 0 0 0\n")
    host.sample(at: 3_000_000_000)
    let smoothed = try #require(host.processorRatio)
    // 1 − e^(−1/5) of the way from 0.5 to 1.
    #expect(abs(smoothed - 0.590635) < 0.0001, "\(smoothed)")
    #expect(host.loadRecord().processor == 118)
    #expect(host.loadRecord().memory == 25)
  }

  @Test("a control group's limits bind when they are nearer, also those of groups above")
  func unified() {
    let root = ScratchFolder()
    root.write("proc/stat", "cpu  0 0 0 1000 0 0 0 0\n")
    root.write("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 1000000 kB\n")
    root.write("proc/self/statm", "1 1\n")
    root.write("proc/self/cgroup", "0::/machine/unit\n")
    let group = "sys/fs/cgroup/"
    root.write(group + "cgroup.controllers", "cpu memory\n")
    root.write(group + "machine/cpu.max", "50000 100000\n")
    root.write(group + "machine/cpu.stat", "usage_usec 0\n")
    root.write(group + "machine/unit/cpu.max", "max 100000\n")
    root.write(group + "machine/unit/memory.max", "1000000\n")
    root.write(group + "machine/unit/memory.current", "700000\n")
    root.write(group + "machine/unit/memory.stat", "anon 1\ninactive_file 150000\nactive_file 50000\n")
    let host = HostMeasurements(root: root.path + "/", onlineProcessors: 8)
    #expect(host.processors == 0.5)
    #expect(host.memoryLimit == 1_000_000)
    host.sample(at: 0)
    #expect(host.memoryRatio == 0.5)
    root.write(group + "machine/cpu.stat", "usage_usec 250000\n")
    root.write("proc/stat", "cpu  10 0 0 1990 0 0 0 0\n")
    host.sample(at: 1_000_000_000)
    #expect(host.processorRatio == 0.5, "a quarter of a second of half a processor")
  }

  @Test("separate hierarchies of v1")
  func separate() {
    let root = ScratchFolder()
    root.write("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 1000000 kB\n")
    root.write("proc/self/cgroup", "4:memory:/box\n2:cpuacct:/box\n1:cpu:/box\n")
    let group = "sys/fs/cgroup/"
    root.write(group + "cpu/cpu.cfs_quota_us", "200000\n")
    root.write(group + "cpu/cpu.cfs_period_us", "100000\n")
    root.write(group + "cpuacct/cpuacct.usage", "0\n")
    root.write(group + "memory/box/memory.limit_in_bytes", "4000000\n")
    root.write(group + "memory/box/memory.usage_in_bytes", "1000000\n")
    root.write(group + "memory/box/memory.stat", "total_inactive_file 0\n")
    let host = HostMeasurements(root: root.path + "/", onlineProcessors: 8)
    #expect(host.processors == 2)
    host.sample(at: 0)
    root.write(group + "cpuacct/cpuacct.usage", "1000000000\n")
    host.sample(at: 1_000_000_000)
    #expect(host.processorRatio == 0.5)
    #expect(host.memoryRatio == 0.25)
  }

  @Test("this machine")
  func here() {
    let host = HostMeasurements()
    #expect(host.processors > 0)
    #expect((host.memoryLimit ?? 0) > 1 << 20)
    host.sample(at: 1)
    #expect(host.residentBytes > 1 << 20)
  }

  @Test("the worst lateness is forgotten after 5 s")
  func lateness() {
    let host = HostMeasurements()
    let second: UInt64 = 1_000_000_000
    host.noteLateness(300, at: 10 * second)
    host.noteLateness(200, at: 12 * second)
    #expect(host.loopLag == 300)
    host.sample(at: 14 * second + 999_999_999)
    #expect(host.loopLag == 300)
    host.sample(at: 15 * second)
    #expect(host.loopLag == 200)
    host.sample(at: 1_000 * second)
    #expect(host.loopLag == 0)
  }

  @Test("scales of load records: 8 steps an octave, both ways")
  func scales() {
    let unit: UInt64 = 1_000_000
    #expect(LoadScale.octaves(unit - 1, from: unit) == 0)
    #expect(LoadScale.octaves(unit, from: unit) == 1)
    #expect(LoadScale.octaves(2 * unit, from: unit) == 9)
    #expect(LoadScale.octaves(.max, from: 1) == 255)
    #expect(LoadScale.value(9, from: unit) == 2 * unit)
    #expect(LoadScale.value(0, from: unit) == 0)
    #expect(LoadScale.halfPercent(2) == 200)
    #expect(LoadScale.halfPercent(-1) == 0)
    #expect(LoadScale.percent(0.255) == 26)
    #expect(LoadScale.processorRatio(255) == 1)
  }
}

@Suite("Hash of the program")
struct ProgramDigestTests {
  @Test("any changed byte changes it, also beyond the first piece; what cannot be read has none")
  func digest() throws {
    let folder = ScratchFolder()
    var bytes = [UInt8](repeating: 7, count: (1 << 20) + 100)
    let path = folder.write("program", bytes)
    let digest = try #require(ProgramDigest.measure(path))
    #expect(digest.count == 16 && ProgramDigest.measure(path) == digest)
    for offset in [0, 1 << 19, 1 << 20, bytes.count - 1] {
      bytes[offset] ^= 1
      folder.write("program", bytes)
      #expect(ProgramDigest.measure(path) != digest, "byte \(offset)")
      bytes[offset] ^= 1
    }
    #expect(ProgramDigest.measure(folder.path + "/nothing") == nil)
    #expect(ProgramDigest.measure(folder.path) == nil, "a folder")
    #expect(ProgramDigest.measure() != nil, "this program")
  }
}
