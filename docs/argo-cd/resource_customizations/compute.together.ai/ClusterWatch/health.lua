-- `true`: what waits for a person (AttentionRequired) is Degraded, not only a message.
local strict = false

local function is(status, message)
  return { status = status, message = message }
end

if obj.spec.suspend then
  return is("Suspended", "suspended: the API is not asked, and what is open gets stale")
end

local status = obj.status or {}
if status.staleAfter ~= nil then
  -- Both are UTC in whole seconds, so that their texts sort as their times do.
  local os = require("os")
  if os.date("!%Y-%m-%dT%H:%M:%SZ") > status.staleAfter then
    return is("Degraded", "the operator has not written since before " .. status.staleAfter ..
      ": is it running? Last sync: " .. (status.lastSyncTime or "never"))
  end
end

if status.observedGeneration ~= obj.metadata.generation then
  return is("Progressing", "the operator has not taken up this version of the spec yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions["Ready"] or {}
local why = (ready.reason or "Pending") .. ": " .. (ready.message or "waiting for the operator")

local stalled = conditions["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  return is("Degraded", why)
end
if ready.status ~= "True" then
  return is("Progressing", why)
end
local attention = conditions["AttentionRequired"]
if attention ~= nil and attention.status == "True" then
  return is(strict and "Degraded" or "Healthy", attention.message)
end
local open = (status.remediations or {}).open or 0
if open == 0 then
  return is("Healthy", ready.message)
end
return is("Healthy", open .. (open == 1 and " repair is open; " or " repairs are open; ") .. ready.message)
