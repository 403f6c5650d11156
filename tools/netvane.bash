# SPDX-License-Identifier: MIT
# bash completion for netvane(1)

_netvane_links()
{
    local path
    for path in /sys/class/net/*; do
        [[ -e $path/ifindex ]] && printf '%s\n' "${path##*/}"
    done
}

# Names of an iproute2 database: rt_tables, rt_protos, ...
_netvane_names()
{
    local file id name _
    for file in {/usr/share,/etc}/iproute2/"$1" {/usr/share,/etc}/iproute2/"$1".d/*.conf; do
        [[ -r $file ]] || continue
        while read -r id name _; do
            [[ $id == [0-9]* && -n $name ]] && printf '%s\n' "$name"
        done <"$file"
    done
}

_netvane()
{
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verbs='show link addr route get rule nexthop default local watch wait stat check'
    local options='-j --json -p --pretty -4 -6 -N --numeric --name --dir --color --version --help'
    local topics='default4 default6 links addrs routes rules nexthops health all'
    local verb='' words='' i

    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --name | --dir | --color) ((i++)) ;;
        -*) ;;
        *)
            verb=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case $prev in
    --color) words='auto always never' ;;
    --dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        return
        ;;
    --name)
        local dir=${NETVANE_DIR:-/run/netvane}
        words=$(for i in "$dir"/*; do [[ -f $i ]] && printf '%s\n' "${i##*/}"; done)
        ;;
    --timeout | --settle | --for | --count | --interval | id) return ;;
    dev | oif | iif | master) words=$(_netvane_links) ;;
    table) words="all local main default $(_netvane_names rt_tables)" ;;
    proto | protocol) words="kernel boot static ra dhcp $(_netvane_names rt_protos)" ;;
    scope) words='global site link host' ;;
    type)
        words='unicast local broadcast anycast multicast blackhole unreachable prohibit throw'
        [[ $verb == l* ]] && words='bond bridge dummy gre macvlan tun veth vlan vrf vxlan wireguard'
        ;;
    *)
        case $verb in
        '') words="$verbs" ;;
        l | link) words="show dev up master type $(_netvane_links)" ;;
        a | addr | address) words="show dev up scope $(_netvane_links)" ;;
        r | ro | route) words='show table dev proto type scope exact root match default' ;;
        get) words='from iif oif mark uid tos ipproto sport dport hash forwarding' ;;
        ru | rule) words='show' ;;
        nh | nexthop) words='show id dev groups' ;;
        default) words='table' ;;
        local) words='--link-local --deprecated --loopback' ;;
        watch) words="$topics --for --count" ;;
        wait) words="ready $topics --timeout --settle" ;;
        stat) words='--interval' ;;
        check) words='--no-kernel' ;;
        esac
        [[ $cur == -* || -z $verb ]] && words+=" $options"
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur" | sort -u)
}

complete -F _netvane netvane
