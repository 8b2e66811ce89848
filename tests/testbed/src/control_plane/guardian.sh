# Waits until the process that started it is gone or asks for the end (both close stdin), then takes the run away.
# $1 the run's folder, $2 the process group of its programs, $3 its container's name or nothing
trap '' HUP INT TERM
read -r _ || :
kill -s KILL -- "-$2" 2>/dev/null
if [ -n "$3" ]; then
  for engine in docker podman; do
    command -v "$engine" >/dev/null 2>&1 && "$engine" rm -f -v "$3" >/dev/null 2>&1
  done
fi
tries=0
while kill -s 0 -- "-$2" 2>/dev/null && [ "$tries" -lt 50 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
rm -rf -- "$1"
