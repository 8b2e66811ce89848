-- `true`: a ClusterWatch that needs attention (AttentionRequired) is Degraded. Otherwise only its message says so.
-- Messages begin with a reason and fields: notifications key on them, never on the prose that follows.
local strict = false

local function is(status, message)
  return { status = status, message = message }
end

if obj.spec.suspend then
  return is("Suspended", "Suspended: syncs are suspended, so open remediations become stale")
end

local status = obj.status or {}
if status.staleAfter ~= nil then
  -- Both are UTC with whole seconds, so comparing the texts compares the times.
  local os = require("os")
  if os.date("!%Y-%m-%dT%H:%M:%SZ") > status.staleAfter then
    return is("Degraded", "Stale: the operator has not updated the status since before " .. status.staleAfter ..
      ". Check that it is running. Last sync: " .. (status.lastSyncTime or "never"))
  end
end

if status.observedGeneration ~= obj.metadata.generation then
  return is("Progressing", "Progressing: the operator has not processed this generation of the spec yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions["Ready"] or {}
local why = (ready.reason or "Pending") .. ": " .. (ready.message or "Waiting for the operator")

local stalled = conditions["Stalled"]
if stalled ~= nil and stalled.status == "True" then
  return is("Degraded", why)
end
if ready.status ~= "True" then
  return is("Progressing", why)
end
local open = " (open: " .. ((status.remediations or {}).open or 0) .. "): "
local attention = conditions["AttentionRequired"]
if attention ~= nil and attention.status == "True" then
  return is(strict and "Degraded" or "Healthy", attention.reason .. open .. attention.message)
end
return is("Healthy", ready.reason .. open .. ready.message)
