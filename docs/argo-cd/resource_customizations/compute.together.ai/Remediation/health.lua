local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local function of(type)
  return conditions[type] or { status = "Unknown", reason = "Pending", message = "Waiting for the operator" }
end
local synced, succeeded = of("Synced"), of("Succeeded")

local function is(health, message)
  return { status = health, message = message }
end

if synced.reason == "Stale" then
  return is("Unknown", synced.message)
end
if of("Stalled").status == "True" then
  if synced.status == "False" then
    return is("Degraded", synced.message)
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
  return is("Healthy", synced.message)
end
return is("Healthy", succeeded.message)
