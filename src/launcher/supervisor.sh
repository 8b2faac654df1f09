#!/bin/sh
# Owns one run of an agent, whatever happens to the orchestrator. POSIX sh (dash, busybox ash,
# bash --posix) on Linux; started by launcher.ts in its own session, in two roles:
#
#   supervise ISOLATION TIMEOUT STALL GRACE INPUT ERRORS PDEATH CHAIN...
#       owns files, limits and the record; CHAIN ends in the other role. Times in 1/100 s,
#       STALL 0: no such limit. PDEATH not empty: setpriv(1) can tie a process to its parent.
#   init CWD PDEATH ENV...
#       PID 1 of the run's namespace or, without one, the plain parent of the agent. ENV is what
#       env(1) needs: variables to drop, to set, the command.
#
# The environment is the agent's own, less what a shell would touch, plus `orch_run_directory`.
# Every variable here starts with `orch_`, so that none can be one of the agent's.
# No wake-up is lost: a trap ends the timer which the wait is for, a signal that came since the
# marker was looked at ($orch_heard) leaves the wait out, and between "is the chain still alive"
# and the wait nothing forks, so that whatever ends then is the chain.

# Reads a /proc/PID/stat from stdin: $orch_line is what follows the name, `state ppid pgrp session
# ...`; lines are joined, for a name may hold a newline. Fails when the process is gone.
orch_read_stat() {
  orch_line=
  orch_part=
  while IFS= read -r orch_part || [ -n "$orch_part" ]; do
    orch_line="$orch_line $orch_part"
    orch_part=
  done
  orch_line=${orch_line##*) }
  [ -n "$orch_line" ]
}

orch_stat() {
  orch_line=
  [ -e "/proc/$1/stat" ] && orch_read_stat 2>/dev/null <"/proc/$1/stat"
}

# Of the process on stdin: does it run? One that has ended and is not yet waited for does not.
orch_runs() {
  orch_read_stat || return 1
  case $orch_line in [ZXx]*) return 1 ;; esac
}

orch_alive() {
  orch_line=
  [ -e "/proc/$1/stat" ] && orch_runs 2>/dev/null <"/proc/$1/stat"
}

# $orch_start: when the process of $orch_line started.
orch_take_start() {
  set -- $orch_line
  orch_start=${20}
}

# $orch_now: hundredths of a second since boot, which no change of the clock moves.
orch_clock() {
  read -r orch_now orch_part </proc/uptime
  orch_now=${orch_now%.*}${orch_now#*.}
  while :; do
    case $orch_now in 0?*) orch_now=${orch_now#0} ;; *) return ;; esac
  done
}

# $orch_epoch: milliseconds since 1970; whole seconds where date(1) knows no better.
orch_date() {
  orch_epoch=$(date +%s%3N)
  case $orch_epoch in
    *[!0-9]* | ??????????) orch_epoch=$(date +%s)000 ;;
  esac
}

# Wakes the loop below from inside a trap.
orch_wake() {
  orch_woken=1
  if [ -n "$orch_timer" ]; then
    kill -KILL "$orch_timer" 2>/dev/null
    orch_timer=
  fi
}

# Sleeps $1 hundredths, less if something happens to the run.
orch_nap() {
  orch_timer=
  orch_woken=
  [ -z "$orch_heard" ] || return 0
  orch_alive "$orch_chain" || return 0
  orch_part=$(($1 % 100))
  case $orch_part in ?) orch_part=0$orch_part ;; esac
  orch_part=$(($1 / 100)).$orch_part
  if [ -n "$orch_whole" ]; then orch_part=$(($1 / 100 + 1)); fi
  if [ -n "$orch_pdeath" ]; then
    setpriv --pdeathsig KILL sleep "$orch_part" &
  else
    sleep "$orch_part" &
  fi
  orch_timer=$!
  orch_part=$orch_timer
  if [ -z "$orch_woken" ]; then
    if [ -n "${BASH_VERSION-}" ]; then wait -n; else wait "$orch_part"; fi
    # A sleep(1) that refuses fractions must not turn this into a busy loop.
    case $? in [1-9] | 1?) orch_whole=1 ;; esac
  fi
  orch_wake
  # Forgets the job. (bash does so itself, and can miss an end that a signal coincides with.)
  [ -z "${BASH_VERSION-}" ] || orch_woken=
  while [ -n "$orch_woken" ]; do
    orch_woken=
    wait "$orch_part"
  done
}

# $orch_init: the pid of the init role, outside of its namespace. Empty while there is none.
orch_find_init() {
  orch_init=
  if [ "$orch_isolation" = none ]; then
    orch_init=$orch_chain
  elif [ -r "/proc/$orch_chain/task/$orch_chain/children" ]; then
    read -r orch_init orch_part 2>/dev/null <"/proc/$orch_chain/task/$orch_chain/children"
  else
    for orch_file in /proc/[0-9]*/stat; do
      orch_file=${orch_file#/proc/}
      orch_stat "${orch_file%/stat}" || continue
      orch_part=${orch_line#? }
      if [ "${orch_part%% *}" = "$orch_chain" ]; then orch_init=${orch_file%/stat}; fi
    done
  fi
}

# $orch_kin: `pid:start` of all that lives of this run, but for the supervisor and its helpers:
# whoever carries the run's environment, is in a session of the run, or descends from those.
orch_find_kin() {
  set -- "TMPDIR=$orch_run_directory/tmp" "orch_run_directory=$orch_run_directory"
  if [ "$(printf 'a\000b\000' | grep -czxF a 2>/dev/null)" = 1 ]; then
    orch_part=$(grep -lszxF -e "$1" -e "$2" /proc/[0-9]*/environ)
  else
    orch_part=
    for orch_file in /proc/[0-9]*/environ; do
      if { tr '\000' '\n' <"$orch_file" | grep -qxF -e "$1" -e "$2"; } 2>/dev/null; then
        orch_part="$orch_part $orch_file"
      fi
    done
  fi
  set -- $orch_part
  orch_kin=$(awk -v sup=$$ -v chain="$orch_chain" -v marked="$*" '
    function load(file,    text, line, part) {
      text = ""
      while ((getline line < file) > 0) text = text " " line
      close(file)
      if (text == "") return 0
      match(text, /.*\) /)
      split(substr(text, RLENGTH + 1), part, " ")
      if (part[1] ~ /[ZXx]/) return 0
      pid = text + 0
      parent[pid] = part[2]; session[pid] = part[4]; start[pid] = part[20]
      return pid
    }
    BEGIN {
      for (i = 1; i < ARGC; i++) load(ARGV[i])
      for (p = load("/proc/self/stat"); p in parent && p != sup; p = parent[p]) helper[p]
      for (p in parent) if (parent[p] == sup && p != chain) helper[p]
      helper[sup]
      n = split(marked, file, " ")
      for (i = 1; i <= n; i++) { split(file[i], part, "/"); mark[part[3]] }
      ours[sup]
      do {
        more = 0
        for (p in parent) {
          if (p in kin || p in helper) continue
          if (p == chain || p in mark || parent[p] in kin || session[p] in ours) {
            kin[p]; ours[session[p]]; more = 1
          }
        }
      } while (more)
      for (p in kin) print p ":" start[p]
    }' /proc/[0-9]*/stat)
}

# Kills everything of the run that can be found; true once nothing was left to kill.
orch_sweep() {
  orch_find_kin
  for orch_entry in $orch_kin $orch_seen; do
    orch_stat "${orch_entry%:*}" || continue
    orch_take_start
    [ "$orch_start" = "${orch_entry#*:}" ] && kill -KILL "${orch_entry%:*}" 2>/dev/null
  done
  [ -z "$orch_kin" ]
}

orch_sweep_all() {
  orch_tries=0
  until orch_sweep; do
    orch_tries=$((orch_tries + 1))
    if [ "$orch_tries" -gt 200 ]; then exit 1; fi
    sleep 0.05 2>/dev/null || sleep 1
  done
}

# Asks the agent to end, because of $1. The marker is written first: an init that has not started
# its agent yet looks for it after it can hear the signal, so one of the two reaches it.
orch_ask() {
  orch_by=$1
  orch_stage=asked
  orch_kill_at=$((orch_now + orch_grace))
  [ -e stop ] || printf '%s\n' "$1" 2>/dev/null >stop
  if [ "$orch_isolation" = none ]; then
    orch_find_kin
    orch_seen=$orch_kin
  fi
  orch_find_init
  [ -z "$orch_init" ] || kill -TERM "$orch_init" 2>/dev/null
}

# Ends everything of the run at once. A second call finds what survived the first.
orch_end() {
  if [ "$orch_isolation" = none ]; then
    # Init first: an agent that goes on for a moment after its children have died reports to nobody.
    kill -KILL "$orch_chain" 2>/dev/null
    orch_sweep
  else
    orch_find_init
    if [ -n "$orch_init" ]; then kill -KILL "$orch_init" 2>/dev/null; fi
    if [ -z "$orch_init" ] || [ "$orch_stage" = killed ]; then kill -KILL "$orch_chain" 2>/dev/null; fi
  fi
  orch_stage=killed
  orch_kill_at=$((orch_now + 100))
}

# $orch_marked_by, $orch_how: what the marker `stop` says; both empty without one.
orch_read_marker() {
  orch_marked_by=
  orch_how=
  [ -e stop ] || return 0
  read -r orch_marked_by orch_how 2>/dev/null <stop
  case $orch_marked_by in cancel | timeout | stall) ;; *) orch_marked_by=outside ;; esac
}

# Looks at the marker and the limits, and begins to end the run when there is reason to.
orch_judge() {
  orch_heard=
  orch_clock
  orch_read_marker
  if [ "$orch_stage" = run ]; then
    if [ -n "$orch_marked_by" ]; then
      orch_ask "$orch_marked_by"
    elif [ -n "$orch_term" ]; then
      orch_ask outside
    elif [ "$orch_now" -ge "$orch_deadline" ]; then
      orch_ask timeout
    elif [ "$orch_stall" -gt 0 ]; then
      orch_part=$(stat -c %s run.log "$orch_errors" 2>/dev/null)
      if [ "$orch_part" != "$orch_grown" ]; then
        orch_grown=$orch_part
        orch_grown_at=$orch_now
      elif [ $((orch_now - orch_grown_at)) -ge "$orch_stall" ]; then
        orch_ask stall
      fi
    fi
  fi
  if [ "$orch_stage" != run ]; then
    if [ "$orch_now" -ge "$orch_kill_at" ]; then
      orch_end
    elif [ "$orch_how" = now ] && [ "$orch_stage" = asked ]; then
      orch_end
    fi
  fi
}

# $orch_next: hundredths until the earliest thing that can happen without a signal to us.
orch_plan() {
  if [ "$orch_stage" != run ]; then
    orch_next=$((orch_kill_at - orch_now))
  else
    orch_next=$((orch_deadline - orch_now))
    # Growth is seen a tenth of the limit late at most: the limit may come late by that, never early.
    orch_part=$((orch_stall / 10))
    if [ "$orch_part" -lt 50 ]; then orch_part=50; fi
    if [ "$orch_stall" -gt 0 ] && [ "$orch_next" -gt "$orch_part" ]; then orch_next=$orch_part; fi
  fi
  if [ "$orch_next" -lt 1 ]; then orch_next=1; fi
}

# Writes the exit record: in place over room reserved at the start, so that a full disk cannot
# prevent it; read back, so that a record is either whole or absent.
orch_record() {
  orch_date
  orch_part=null
  [ -z "$orch_by" ] || orch_part="\"$orch_by\""
  orch_part="{\"exitCode\":$1,\"signal\":$2,\"stoppedBy\":$orch_part,\"startedAt\":$orch_began,\"endedAt\":$orch_epoch}"
  printf '%s' "$orch_part" 2>/dev/null 1<>exit.json.tmp || return 1
  IFS= read -r orch_line 2>/dev/null <exit.json.tmp
  case $orch_line in "$orch_part"*) ;; *) return 1 ;; esac
  sync exit.json.tmp 2>/dev/null
  mv -f exit.json.tmp exit.json 2>/dev/null || return 1
  sync . 2>/dev/null
}

orch_supervise() {
  orch_isolation=$1 orch_stall=$3 orch_grace=$4 orch_input=$5 orch_errors=$6 orch_pdeath=$7
  orch_deadline=$2
  shift 7
  orch_chain='' orch_timer='' orch_term='' orch_by='' orch_seen='' orch_whole=''
  orch_stage=run
  # Whatever files the orchestrator's own parent left open, such as a lock, end here.
  exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
  cd -P "$orch_run_directory" || exit 1
  trap 'orch_term=1; orch_heard=1; orch_wake' TERM INT HUP
  # Makes `wait` return when the chain ends. bash can hang for good in a `wait` that such a trap
  # interrupts, but has a `wait` for any child.
  [ -n "${BASH_VERSION-}" ] || trap orch_wake CHLD

  # Who we are, before anything can start; and only then the look at the marker. Whoever writes
  # the marker and then finds no living supervisor on record knows that no agent can start.
  orch_stat $$ || exit 1
  orch_take_start
  read -r orch_boot </proc/sys/kernel/random/boot_id
  printf '{"bootId":"%s","pid":%s,"startTime":"%s"}\n' "$orch_boot" $$ "$orch_start" 1<>supervisor.json.tmp || exit 1
  mv -f supervisor.json.tmp supervisor.json || exit 1
  [ ! -e stop ] || exit 0

  orch_date
  orch_began=$orch_epoch
  orch_grown=$(stat -c %s run.log "$orch_errors" 2>/dev/null)
  orch_clock
  orch_grown_at=$orch_now
  orch_deadline=$((orch_now + orch_deadline))
  # 8 and 9 are the stat files of the chain and of ourselves: by them init, from inside its
  # namespace, makes sure that both live and that their deaths will reach it.
  # 7 is for the agent's stderr alone: what the chain itself complains about is kept apart.
  "$@" <"$orch_input" >>run.log 2>>supervisor.log 7>>"$orch_errors" 8</proc/self/stat 9</proc/$$/stat &
  orch_chain=$!
  umask 077

  while orch_alive "$orch_chain"; do
    orch_judge
    orch_plan
    orch_nap "$orch_next"
  done

  orch_chain=
  orch_kind=
  read -r orch_kind orch_value orch_part 2>/dev/null <status
  # With an init that ended by itself, the kernel has ended all the rest of its namespace.
  case $orch_isolation:$orch_kind in
    namespace:exit | namespace:signal | namespace:either) ;;
    *) orch_sweep_all ;;
  esac
  case $orch_kind in
    exit) orch_record "$orch_value" null ;;
    signal) orch_record null "\"SIG$(kill -l $((orch_value - 128)))\"" ;;
    either) orch_record "$orch_value" "\"SIG$(kill -l $((orch_value - 128)))\"" ;;
    begun)
      # The agent died with its init, which only SIGKILL ends. (unshare(1) fails to die of that.)
      orch_record null '"SIGKILL"'
      ;;
    *)
      # No agent was started: because of the marker, or because that failed, and then there is no
      # record, and supervisor.log says why.
      if [ -z "$orch_by" ]; then
        orch_read_marker
        orch_by=$orch_marked_by
      fi
      [ -n "$orch_by" ] && orch_record null '"SIGTERM"'
      ;;
  esac || exit 1
  rm -rf tmp 2>/dev/null || { chmod -R u+rwx tmp && rm -rf tmp; } 2>/dev/null
  rm -f status supervisor.log
  exit 0
}

orch_be_init() {
  orch_cwd=$1 orch_pdeath=$2
  shift 2
  orch_agent='' orch_term='' orch_line=''
  trap 'orch_term=1; [ -z "$orch_agent" ] || kill -TERM "$orch_agent" 2>/dev/null' TERM
  cd -P "$orch_cwd" || exit 1
  # A shell starts background commands with INT and QUIT ignored, for good.
  if env --default-signal=INT,QUIT true 2>/dev/null; then set -- --default-signal=INT,QUIT "$@"; fi
  # Its own session: `kill 0` in the agent must not reach us.
  set -- setsid env "$@"
  if [ -n "$orch_pdeath" ]; then set -- setpriv --pdeathsig KILL "$@"; fi
  exec 3<&0 </dev/null
  orch_runs <&9 && orch_runs <&8 || exit 1
  [ ! -e "$orch_run_directory/stop" ] || exit 1
  printf 'begun \n' 1<>"$orch_run_directory/status"
  "$@" <&3 2>&7 3<&- 7>&- 8<&- 9<&- &
  orch_agent=$!
  [ -z "$orch_term" ] || kill -TERM "$orch_agent"
  exec >/dev/null 2>&1 3<&- 7>&- 8<&- 9<&-

  # While it waits, a shell that is PID 1 also reaps the orphans of its namespace.
  orch_term=1
  while [ -n "$orch_term" ]; do
    orch_term=
    wait "$orch_agent"
    orch_code=$?
  done
  orch_agent=
  # `wait` reports death by signal n as 128 + n, as if the agent had exited with that number;
  # `jobs` tells the two apart: it says Done(143), or Terminated.
  jobs 1<>"$orch_run_directory/status"
  orch_line=
  IFS= read -r orch_line <"$orch_run_directory/status"
  orch_kind=exit
  if [ "$orch_code" -gt 128 ]; then
    case $orch_line in
      '['*Done*) ;;
      '['*) orch_kind=signal ;;
      # bash has forgotten the job by now: both are recorded, for the numbers of signals that kill.
      *) case $((orch_code - 128)) in [1-9] | 1[0-5] | 24 | 25 | 31) orch_kind=either ;; esac ;;
    esac
  fi
  printf '%s %s \n' "$orch_kind" "$orch_code" 1<>"$orch_run_directory/status"
  exit 0
}

# One line to the end, so that all of this file is read before any of it runs: it may be replaced meanwhile.
case $1 in supervise) shift && orch_supervise "$@" ;; init) shift && orch_be_init "$@" ;; esac; exit 1
