-- A disabled action runs all the same when it is called by name.
if obj.spec.suspend then
  return obj
end
local os = require("os")
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["compute.together.ai/requestedAt"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
