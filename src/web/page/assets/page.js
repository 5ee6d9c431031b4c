// Everything works without this: it only saves waiting and reloading.
'use strict'

// Where a form was refused, what is wrong is read first.
document.querySelector('[data-focus]')?.focus()

// Wide screens show the menu open; narrow ones on demand.
const menu = document.querySelector('.menu')
if (menu) {
  const wide = window.matchMedia('(min-width: 60rem)')
  const follow = () => {
    menu.open = wide.matches
  }
  wide.addEventListener('change', follow)
  follow()
}

for (const each of document.querySelectorAll('[data-until-s]')) {
  const end = Date.now() + Number(each.dataset.untilS) * 1000
  const timer = setInterval(() => {
    const left = Math.max(0, Math.round((end - Date.now()) / 1000))
    each.textContent = `${left} s`
    if (left === 0) {
      clearInterval(timer)
      location.reload()
    }
  }, 1000)
}

// A part of the page that changes by itself: fetched again, and put in place where nobody is writing in it.
for (const each of document.querySelectorAll('[data-refresh-s]')) {
  const renew = async () => {
    if (document.hidden || each.contains(document.activeElement)) return
    const reply = await fetch(location.href, { headers: { accept: 'text/html' } }).catch(() => undefined)
    // Signed out meanwhile: figures that nobody renews any more must not look like those of now.
    if (reply?.redirected) location.reload()
    if (!reply?.ok || reply.redirected) return
    const fresh = new DOMParser().parseFromString(await reply.text(), 'text/html').getElementById(each.id)
    if (!fresh) return
    // What was unfolded stays so.
    const before = each.querySelectorAll('details')
    for (const [index, details] of fresh.querySelectorAll('details').entries())
      details.open = before[index]?.open ?? details.open
    each.replaceChildren(...fresh.childNodes)
  }
  const renewing = setInterval(renew, Number(each.dataset.refreshS) * 1000)
}

// The value under the pointer, of plots; these come and go with the parts that change by themselves.
document.addEventListener('pointerover', event => {
  const bar = event.target.closest?.('[data-tip]')
  if (bar) bar.closest('.plot').querySelector('.tip').textContent = bar.dataset.tip
})

// Lines of the log as they are written, the newest at the top.
for (const list of document.querySelectorAll('[data-live]')) {
  const tools = document.querySelector('[data-live-tools]')
  const pause = tools.querySelector('button')
  const after = new URL(list.dataset.live, location.href)
  let source
  const put = row => {
    list.prepend(row)
    while (list.childElementCount > 1000) list.lastElementChild.remove()
  }
  const listen = () => {
    source = new EventSource(after)
    source.addEventListener('line', event => {
      const { at, level, word, text } = JSON.parse(event.data)
      after.searchParams.set('after', event.lastEventId)
      const row = document.createElement('li')
      row.dataset.level = level
      const parts = ['time', 'strong', 'bdi'].map(name => document.createElement(name))
      for (const [index, shown] of [at, word, text].entries()) parts[index].textContent = shown
      row.append(parts[0], ' ', parts[1], ' ', parts[2])
      put(row)
    })
    source.addEventListener('lost', () => {
      const row = document.createElement('li')
      row.textContent = list.dataset.lost
      put(row)
    })
  }
  pause.addEventListener('click', () => {
    const isOn = source.readyState !== EventSource.CLOSED
    if (isOn) source.close()
    else listen()
    pause.textContent = isOn ? pause.dataset.goOn : pause.dataset.pause
  })
  tools.hidden = false
  listen()
}

// The box makes its connections anew: on as soon as it answers again.
for (const each of document.querySelectorAll('[data-await]')) {
  const look = async () => {
    const reply = await fetch(each.dataset.await).catch(() => undefined)
    if (reply?.ok) location.assign(each.dataset.await)
    else setTimeout(look, 1000)
  }
  setTimeout(look, 2000)
}
