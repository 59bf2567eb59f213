import { script } from './redis-link.js'

// What both scripts know of each algorithm. A counter is one small packed string; times are ms of the store's clock.
//   s  sliding window   {edge, count, offset, count, offset, count …}: sub-windows by their right edges, oldest first
//   b  token bucket     {level in tokens, at}
//   f  fixed window     {start, count}
//   d, m  calendar      {start of the day or month in UTC, count}
// A clock of the store that steps back moves what is written with it, so nobody waits longer than a window.
const shared = `
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min

local function clock(given)
  if given ~= '' then return tonumber(given) end
  local t = redis.call('TIME')
  return t[1] * 1000 + floor(t[2] / 1000)
end

-- Keys go by the store's own clock, whatever time a test has given.
local slack = ARGV[1] == '' and 0 or 60000

local function load(key)
  local raw = redis.call('GET', key)
  return raw and cmsgpack.unpack(raw) or nil
end

-- Days and civil dates: Howard Hinnant's "chrono-compatible low-level date algorithms".
local function daysOf(y, m)
  if m <= 2 then y = y - 1 end
  local era = floor(y / 400)
  local yoe = y - era * 400
  local doy = floor((153 * (m + (m > 2 and -3 or 9)) + 2) / 5)
  return era * 146097 + yoe * 365 + floor(yoe / 4) - floor(yoe / 100) + doy - 719468
end

local function monthOf(now)
  local z = floor(now / 86400000) + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local m = mp < 10 and mp + 3 or mp - 9
  return yoe + era * 400 + (m <= 2 and 1 or 0), m
end

local function period(kind, now)
  if kind == 'd' then
    local start = now - now % 86400000
    return start, start + 86400000
  end
  local y, m = monthOf(now)
  local nextY, nextM = y, m + 1
  if nextM == 13 then nextY, nextM = y + 1, 1 end
  return daysOf(y, m) * 86400000, daysOf(nextY, nextM) * 86400000
end

-- The sub-windows that still count: their edges, their counts, and how much they hold together.
local function windows(state, now, window, step)
  local edges, counts, n, alive = {}, {}, 0, 0
  if state then
    local base = state[1]
    local last = #state > 2 and base + state[#state - 1] or base
    if last >= now + step then base = base - (last - now) end
    for i = 1, #state, 2 do
      local edge = i == 1 and base or base + state[i]
      if edge + window > now and state[i + 1] > 0 then
        n = n + 1
        edges[n], counts[n], alive = edge, state[i + 1], alive + state[i + 1]
      end
    end
  end
  return edges, counts, n, alive
end

local function store(key, state, ttl)
  redis.call('SET', key, cmsgpack.pack(state), 'PX', max(1, ceil(ttl) + slack))
end

local function storeWindows(key, edges, counts, n, now, window)
  if n == 0 then return redis.call('DEL', key) end
  local state = { edges[1], counts[1] }
  for i = 2, n do
    state[i * 2 - 1], state[i * 2] = edges[i] - edges[1], counts[i]
  end
  store(key, state, edges[n] + window - now)
end

local function levelAt(state, now, quota, window)
  return state and max(0, state[1] - max(0, now - state[2]) * quota / window) or 0
end
`

/**
 * Takes from all limits of a call, or from none; several calls after one another, each atomic.
 *
 * ARGV: the time or '' for the store's own; then for each call the number of its limits, and for each limit: algorithm,
 * quota, window, the sub-window (s) or capacity (b), cost, and what another counter knows that this one may not: how much
 * was in use at least, how much was taken elsewhere, and how many ms ago the last of it. KEYS: one for each limit.
 * Answers for each call: whether it is allowed, the time; and for each limit: what remains, ms until more does, whether it
 * is exceeded.
 */
export const takeScript = script(`${shared}
local now = clock(ARGV[1])
local at, key, out = 2, 1, {}

while at <= #ARGV do
  local limits = tonumber(ARGV[at])
  at = at + 1
  local all, allowed = {}, true
  for i = 1, limits do
    local kind, quota, window, extra, cost, least, more, age =
      ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]),
      tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
    at = at + 8
    local one = { kind = kind, key = KEYS[key], quota = quota, window = window, cost = cost }
    key = key + 1
    local state = load(one.key)
    if kind == 's' then
      local edges, counts, n, alive = windows(state, now, window, extra)
      one.add = function(amount)
        local edge = now
        -- The grid of sub-windows begins with the first call after a pause.
        if n > 0 then edge = max(edges[1] + ceil((now - edges[1]) / extra) * extra, edges[n]) end
        if n > 0 and edges[n] == edge then counts[n] = counts[n] + amount
        else
          n = n + 1
          edges[n], counts[n] = edge, amount
        end
        alive = alive + amount
      end
      local missing = max(0, min(least, quota) - alive)
      if more > 0 and age < window then
        local place = n
        while place > 0 and edges[place] > now - age do place = place - 1 end
        table.insert(edges, place + 1, now - age)
        table.insert(counts, place + 1, more)
        n, alive = n + 1, alive + more
      end
      if missing > 0 then one.add(missing) end
      one.isSeeded = missing > 0 or more > 0
      one.left = quota - alive
      one.isFree = one.left >= cost
      local leaving, i = one.isFree and 1 or alive + cost - quota, 1
      while i <= n do
        leaving = leaving - counts[i]
        if leaving <= 0 then break end
        i = i + 1
      end
      one.reset = (edges[i] or now) + window - now
      one.save = function() storeWindows(one.key, edges, counts, n, now, window) end
    elseif kind == 'b' then
      local known = levelAt(state, now, quota, window)
      local level = max(known, least)
      if more > 0 then
        local drained = levelAt(state, now - age, quota, window) + more - age * quota / window
        level = max(level, min(extra, drained))
      end
      one.isSeeded = level > known
      -- A millionth of a token is what rounding may have added.
      one.left = floor(extra - level + 0.000001)
      one.isFree = level + cost <= extra + 0.000001
      one.reset = ceil((one.isFree and level + cost or level + cost - extra) * window / quota)
      one.add = function(amount) level = level + amount end
      one.save = function() store(one.key, { level, now }, level * window / quota + 1) end
    else
      local start, count, ends = now, 0, now + window
      if kind == 'f' then
        if state and now - state[1] < window then start, count = min(now, state[1]), state[2]
        elseif more > 0 then start = now - min(age, window - 1) end
        ends = start + window
      else
        local first, last = period(kind, now)
        start, ends = first, last
        if state and state[1] >= first and state[1] <= now + window then
          start, count = state[1], state[2]
          if start > first then first, ends = period(kind, start) end
        end
      end
      local missing = max(0, least - count) + more
      count = count + missing
      one.isSeeded = missing > 0
      one.left = quota - count
      one.isFree = one.left >= cost
      one.reset = ends - now
      one.add = function(amount) count = count + amount end
      one.save = function() store(one.key, { start, count }, ends - now) end
    end
    if not one.isFree then allowed = false end
    all[i] = one
  end
  out[#out + 1] = allowed and 1 or 0
  out[#out + 1] = now
  for i = 1, limits do
    local one = all[i]
    if allowed then one.add(one.cost) end
    if allowed or one.isSeeded then one.save() end
    out[#out + 1] = max(0, one.left - (allowed and one.cost or 0))
    out[#out + 1] = one.reset
    out[#out + 1] = one.isFree and 0 or 1
  end
end
return out
`)

/**
 * Gives back what a call took. ARGV: the time or '', the time of the call; then for each limit: algorithm, quota, window,
 * the sub-window, cost. KEYS: one for each limit.
 */
export const refundScript = script(`${shared}
local now, taken = clock(ARGV[1]), tonumber(ARGV[2])
for i = 1, #KEYS do
  local at = 3 + (i - 1) * 5
  local kind, quota, window, step, cost =
    ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local state = load(KEYS[i])
  if state and kind == 's' then
    local edges, counts, n = windows(state, now, window, step)
    for j = 1, n do
      if edges[j] >= taken then
        -- A count of nothing is left out with the next call.
        if edges[j] - taken < step then counts[j] = max(0, counts[j] - cost) end
        break
      end
    end
    storeWindows(KEYS[i], edges, counts, n, now, window)
  elseif state and kind == 'b' then
    -- What has drained since is not given back a second time.
    local left = cost - max(0, now - taken) * quota / window
    if left > 0 then
      local level = max(0, levelAt(state, now, quota, window) - left)
      store(KEYS[i], { level, now }, level * window / quota + 1)
    end
  elseif state and taken >= state[1] then
    redis.call('SET', KEYS[i], cmsgpack.pack({ state[1], max(0, state[2] - cost) }), 'KEEPTTL')
  end
end
return 1
`)
