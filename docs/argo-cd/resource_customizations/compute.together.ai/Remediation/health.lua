local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function of(type)
  return conditions[type] or { status = "Unknown", reason = "Pending", message = "waiting for the operator" }
end
local synced, succeeded = of("Synced"), of("Succeeded")

local function is(health, message)
  return { status = health, message = message }
end
-- What Succeeded says begins with the machine's name; what Synced says does not.
local function of_the_machine(message)
  return (status.node or "an unnamed machine") .. ": " .. message
end

if synced.reason == "Stale" then
  return is("Unknown", of_the_machine(synced.message))
end
if of("Stalled").status == "True" then
  if synced.status == "False" then
    return is("Degraded", of_the_machine(synced.message))
  end
  return is("Degraded", succeeded.message)
end
if of("Reconciling").status ~= "False" then
  if succeeded.reason == "AwaitingApproval" then
    return is("Suspended", succeeded.message)
  end
  return is("Progressing", succeeded.message)
end
if synced.status == "False" then
  return is("Healthy", of_the_machine(synced.message))
end
return is("Healthy", succeeded.message)
