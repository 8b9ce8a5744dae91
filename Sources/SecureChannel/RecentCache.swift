/// The last `limit` things that were asked for; the one not used for the longest time goes first.
struct RecentCache<Key: Hashable, Value> {
  private struct Entry {
    var key: Key
    var value: Value
    var newer: Int
    var older: Int
  }

  private static var none: Int { -1 }

  let limit: Int
  private var places: [Key: Int] = [:]
  private var entries: [Entry] = []
  private var newest = none
  private var oldest = none

  init(limit: Int) { self.limit = limit }

  var count: Int { entries.count }

  /// The value of a key, which becomes the newest.
  mutating func value(of key: Key) -> Value? {
    guard let place = places[key] else { return nil }
    unlink(place)
    linkAsNewest(place)
    return entries[place].value
  }

  mutating func insert(_ value: Value, for key: Key) {
    if let place = places[key] {
      entries[place].value = value
      unlink(place)
      linkAsNewest(place)
      return
    }
    let place: Int
    if entries.count < limit {
      place = entries.count
      entries.append(Entry(key: key, value: value, newer: RecentCache.none, older: RecentCache.none))
    } else {
      place = oldest
      unlink(place)
      places[entries[place].key] = nil
      entries[place].key = key
      entries[place].value = value
    }
    places[key] = place
    linkAsNewest(place)
  }

  private mutating func unlink(_ place: Int) {
    let newer = entries[place].newer
    let older = entries[place].older
    if newer == RecentCache.none { newest = older } else { entries[newer].older = older }
    if older == RecentCache.none { oldest = newer } else { entries[older].newer = newer }
  }

  private mutating func linkAsNewest(_ place: Int) {
    entries[place].newer = RecentCache.none
    entries[place].older = newest
    if newest != RecentCache.none { entries[newest].newer = place }
    newest = place
    if oldest == RecentCache.none { oldest = place }
  }
}
