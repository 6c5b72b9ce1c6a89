-- What a browser sends, with the cookies of a file in turn, and a pause of so
-- many milliseconds before each request; at the end one line of JSON.
local requests, at = {}, 0

local browser = {
  ["Accept"] = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  ["Accept-Encoding"] = "gzip, deflate, br",
  ["Accept-Language"] = "nl,en-US;q=0.7,en;q=0.3",
  ["Referer"] = "http://localhost/clients?page=2",
  ["Sec-Fetch-Dest"] = "document",
  ["Sec-Fetch-Mode"] = "navigate",
  ["Sec-Fetch-Site"] = "same-origin",
  ["User-Agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
}

function init(args)
  for line in io.lines(args[1]) do
    local headers = { ["Host"] = wrk.headers["Host"], ["Cookie"] = line }
    for name, value in pairs(browser) do headers[name] = value end
    requests[#requests + 1] = wrk.format("GET", wrk.path, headers)
  end
  local pause = tonumber(args[2])
  if pause > 0 then
    function delay() return pause end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\nBENCH{"requests":%d,"micros":%d,"p50":%d,"p99":%d,"failed":%d,"broken":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), e.status,
    e.connect + e.read + e.write + e.timeout))
end
